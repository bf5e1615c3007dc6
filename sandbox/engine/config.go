package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"gopkg.in/yaml.v3"
)

// ResetConfig makes the project's config the sandbox's again, except what the
// sandbox must have: a stack that can be destroyed, and its own salt for secrets.
func (s *Sandbox) ResetConfig(stack string) error { return s.resetConfig(stack, false) }

// ResetConfigAsIs makes the project's config the sandbox's again, with its protection
// from deletion: the stacks cannot be destroyed then, but previews are as on AWS.
func (s *Sandbox) ResetConfigAsIs(stack string) error { return s.resetConfig(stack, true) }

func (s *Sandbox) resetConfig(stack string, asIs bool) error {
	source := filepath.Join(s.root, "Pulumi."+stack+".yaml")
	document, err := readDocument(source)
	if err != nil {
		return err
	}
	if old, err := readDocument(s.StackFile(stack)); err == nil {
		if salt, ok := old["encryptionsalt"]; ok {
			document["encryptionsalt"] = salt
		}
	}
	config, _ := document["config"].(map[string]any)
	if config["codeflow:kind"] != "bootstrap" {
		config["codeflow:roleBoundary"] = runtimeBoundary()
	}
	for _, kind := range []string{"codeflow:platform", "codeflow:color", "codeflow:dr", "codeflow:bootstrap"} {
		if settings, ok := config[kind].(map[string]any); ok {
			settings["deletionProtection"] = settings["deletionProtection"] == true && asIs
		}
	}
	return writeDocument(s.StackFile(stack), document)
}

// copyConfig is ResetConfig for a stack that has no config in the sandbox yet.
func (s *Sandbox) copyConfig(stack string) error {
	if _, err := os.Stat(s.StackFile(stack)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.ResetConfig(stack)
}

// SetConfig sets a key of a stack's config at a path, for example
// "codeflow:traffic" or "codeflow:color", "agents". A nil value removes the key.
func (s *Sandbox) SetConfig(stack string, value any, path ...string) error {
	if err := s.copyConfig(stack); err != nil {
		return err
	}
	document, err := readDocument(s.StackFile(stack))
	if err != nil {
		return err
	}
	object := document
	for _, key := range append([]string{"config"}, path[:len(path)-1]...) {
		child, ok := object[key].(map[string]any)
		if !ok {
			return fmt.Errorf("setting config %v of stack %q: %q is not an object", path, stack, key)
		}
		object = child
	}
	if key := path[len(path)-1]; value == nil {
		delete(object, key)
	} else {
		object[key] = value
	}
	return writeDocument(s.StackFile(stack), document)
}

// SetSecret sets a key of a stack's config to a value that the stack file has only
// encrypted. A key may be a path, for example "codeflow:apiKeys.openai".
func (s *Sandbox) SetSecret(ctx context.Context, stack, key, value string) error {
	selected, err := s.stack(ctx, stack)
	if err == nil {
		err = selected.SetConfigWithOptions(ctx, key, auto.ConfigValue{Value: value, Secret: true}, &auto.ConfigOptions{Path: true})
	}
	if err != nil {
		return fmt.Errorf("setting secret config %q of stack %q: %w", key, stack, err)
	}
	return nil
}

func readDocument(path string) (map[string]any, error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("reading stack config: %w", err)
	}
	document := map[string]any{}
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("reading stack config %q: %w", path, err)
	}
	return document, nil
}

func writeDocument(path string, document map[string]any) error {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("writing stack config %q: %w", path, err)
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing stack config: %w", err)
	}
	return os.Rename(partial, path)
}
