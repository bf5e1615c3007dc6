// Package state refuses a stack's state that would make Pulumi run, or ask, something
// that the program does not name. A state is unsigned, and the engine starts the
// providers that it names, from where it says they are to be had:
// https://www.pulumi.com/docs/iac/concepts/state-and-backends/
//
// Start with [Check].
package state

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed plugins.lock
var lock string

// own are the packages of types that need no plugin: the program's components and the
// engine's own.
var own = []string{"codeflow", "pulumi"}

const providerPrefix = "pulumi:providers:"

// settings are what the program, or the SDK for it, sets on its providers. Others could
// send the AWS SDK to another endpoint, or to a file that names a program.
var settings = []string{"__internal", "defaultTags", "region", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "version"}

// Plugins are the versions of each provider's plugin that a state may name.
func Plugins() map[string][]string {
	plugins := map[string][]string{}
	for line := range strings.Lines(lock) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] != "#" {
			plugins[fields[0]] = append(plugins[fields[0]], fields[1])
		}
	}
	return plugins
}

// exported is what pulumi stack export writes, as far as it is looked at.
// https://github.com/pulumi/pulumi/blob/sdk/v3.274.1/sdk/go/common/apitype/core.go
type exported struct {
	Version    int `json:"version"`
	Deployment struct {
		Secrets *struct {
			Type  string         `json:"type"`
			State map[string]any `json:"state"`
		} `json:"secrets_providers"`
		Resources []resource `json:"resources"`
		Pending   []struct {
			Resource resource `json:"resource"`
		} `json:"pending_operations"`
	} `json:"deployment"`
}

type resource struct {
	URN      string         `json:"urn"`
	ID       string         `json:"id"`
	Type     string         `json:"type"`
	Provider string         `json:"provider"`
	Inputs   map[string]any `json:"inputs"`
}

// Check returns everything in a stack's state, as pulumi stack export writes it, that
// the program does not name. The stack's file, Pulumi.<stack>.yaml, says which secrets
// provider it has. A stack that was never brought up has nothing to refuse.
func Check(stack string, export, file []byte) error {
	var e exported
	if json.Unmarshal(export, &e) != nil || e.Version == 0 { // what it says may hold secrets
		return fmt.Errorf("the state of stack %q cannot be read: it must be what pulumi stack export prints", stack)
	}
	problems, err := e.secrets(stack, file)
	if err != nil {
		return err
	}
	resources := e.Deployment.Resources
	for _, operation := range e.Deployment.Pending {
		resources = append(resources, operation.Resource)
	}
	providers := map[string]string{} // the package, by the reference
	for _, r := range resources {
		if name, ok := strings.CutPrefix(r.Type, providerPrefix); ok {
			providers[r.URN+"::"+r.ID] = name
		}
	}
	for _, r := range resources {
		problems = append(problems, r.problems(providers)...)
	}
	if len(problems) == 0 {
		return nil
	}
	slices.Sort(problems)
	return fmt.Errorf("the state of stack %q is not this program's, and nothing of it was run:\n  %s\n"+
		"compare the versions of its file in the state's bucket, find out who wrote it, and put the last good one back",
		stack, strings.Join(slices.Compact(problems), "\n  "))
}

// Fingerprint tells two states of a stack apart by its resources: whoever brought the
// stack up, refreshed it or switched its traffic meanwhile has changed it.
func Fingerprint(export []byte) (string, error) {
	var e struct {
		Deployment struct {
			Resources []any `json:"resources"`
			Pending   []any `json:"pending_operations"`
		} `json:"deployment"`
	}
	if json.Unmarshal(export, &e) != nil {
		return "", errors.New("the state cannot be read: it must be what pulumi stack export prints")
	}
	text, err := json.Marshal(e.Deployment)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text)), nil
}

// secrets compares the secrets provider with that of the stack's file: the engine asks
// the one in the state to decrypt.
func (e *exported) secrets(stack string, file []byte) (problems []string, err error) {
	var f struct {
		Provider string `yaml:"secretsprovider"`
		Salt     string `yaml:"encryptionsalt"`
	}
	if err := yaml.Unmarshal(file, &f); err != nil {
		return nil, fmt.Errorf("reading the file of stack %q: %w", stack, err)
	}
	if e.Deployment.Secrets == nil {
		return nil, nil
	}
	want, got := "", fmt.Sprintf("%s %v", e.Deployment.Secrets.Type, e.Deployment.Secrets.State["url"])
	switch {
	case strings.Contains(f.Provider, "://"):
		want = "cloud " + f.Provider
	case f.Salt != "":
		want, got = "passphrase "+f.Salt, fmt.Sprintf("%s %v", e.Deployment.Secrets.Type, e.Deployment.Secrets.State["salt"])
	default:
		want = "none: commit the secretsprovider that pulumi stack init wrote there"
	}
	if got != want {
		problems = append(problems, fmt.Sprintf("secrets provider %.200q: Pulumi.%s.yaml has %s", got, stack, want))
	}
	return problems, nil
}

// problems of a resource. Providers are those in the state, by their references.
func (r *resource) problems(providers map[string]string) (problems []string) {
	add := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%q: ", r.URN)+fmt.Sprintf(format, args...))
	}
	if kind := typeOf(r.URN); kind != r.Type {
		add("its type must be that of its URN, %q, got %q", kind, r.Type)
	}
	if name, ok := strings.CutPrefix(r.Type, providerPrefix); ok {
		return append(problems, r.provider(name)...)
	}
	name, _, _ := strings.Cut(r.Type, ":")
	if _, known := Plugins()[name]; !known && !slices.Contains(own, name) {
		add("the program has no resources of package %q", name)
	}
	if r.Provider != "" {
		if used, known := providers[r.Provider]; !known || used != name {
			add("its provider %q must be one of package %q in this state", r.Provider, name)
		}
	}
	return problems
}

// provider is what is wrong with the provider of a package.
func (r *resource) provider(name string) (problems []string) {
	add := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%q: ", r.URN)+fmt.Sprintf(format, args...))
	}
	for _, key := range slices.Sorted(maps.Keys(r.Inputs)) {
		if internal, ok := r.Inputs[key].(map[string]any); !slices.Contains(settings, key) || key == "__internal" && (!ok || len(internal) > 0) {
			add("the program sets no such %q on a provider, got %.200q", key, fmt.Sprint(r.Inputs[key]))
		}
	}
	if name == "pulumi" {
		return problems // it is in the engine, without a version
	}
	versions, known := Plugins()[name]
	if !known {
		add("the program has no provider %q", name)
		return problems
	}
	if version, _ := r.Inputs["version"].(string); !slices.Contains(versions, version) {
		add("its version must be %s, got %q", strings.Join(versions, " or "), version)
	}
	return problems
}

// typeOf is the type in a URN, such as
// urn:pulumi:prod::codeflow::codeflow:rds:Database$aws:rds/instance:Instance::database.
func typeOf(urn string) string {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:]
}
