package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// starter are the files of a new source. Its examples pass check.
var starter = map[string]string{
	"bundle.yaml": `# What goes into the bundle. Paths are relative to this file. A source's format
# is the tool that its files are made for: claude-code, opencode, cursor, uats, or
# auto, which takes each file for what it is made for.
package: {path: own, format: auto}
overlays: []
`,
	"own/.agentbundleignore": "# Files that are none of the agents and commands, as in .gitignore.\n*.draft.md\nREADME.md\n",
	"own/agents/code-reviewer.md": `---
name: code-reviewer
description: Reviews a change and says what breaks. Use it after code was changed.
tools: Read, Grep, Glob
---
You review changes. For each problem name the file and the line, say what goes
wrong and with which input, and how to correct it. Change nothing yourself.
`,
	"own/commands/plan.md": `---
description: Plans a piece of work in small steps.
argument-hint: "[task]"
---
Plan this task: $ARGUMENTS

List the steps, each with the files that it touches and how it is verified.
`,
}

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init [DIR]", Short: "Start a bundle of one's own", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Write a bundle's config file and a source with an example of an agent and of a\n" +
			"command to a directory, by default this one. No file is replaced.",
		Example: "  agentbundle init team && agentbundle check team/bundle.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			files := map[string][]byte{}
			for name, text := range starter {
				if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("starting a bundle in %q: %s is there already: choose another directory", dir, name)
				}
				files[name] = []byte(text)
			}
			if err := write(dir, files); err != nil {
				return fmt.Errorf("starting a bundle in %q: %w", dir, err)
			}
			config := filepath.Join(dir, "bundle.yaml")
			fmt.Fprintf(cmd.ErrOrStderr(), "next: agentbundle check %s, then agentbundle serve %s\n", config, config)
			return emit(cmd, config, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, config)
				return err
			})
		},
	}
}

// packageRE matches an npm package with its exact version.
var packageRE = regexp.MustCompile(`^((?:@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*)@(\d+\.\d+\.\d+[\w.+-]*)$`)

func addCommand() *cobra.Command {
	var config, format string
	cmd := &cobra.Command{
		Use: "add PACKAGE@VERSION|DIR", Short: "Add a source to a bundle", Args: usage(cobra.ExactArgs(1)),
		Long: "Add a directory, or an npm package of an exact version, to the overlays of a\n" +
			"bundle's config file. npm installs the package beside that file, without its\n" +
			"scripts. Files that are refused are excluded by name, each with the reason.",
		Example: `  agentbundle add ../more-agents --config team/bundle.yaml
  agentbundle add @example/agents@1.2.3 --format claude-code`,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := sourceDir(cmd, filepath.Dir(config), args[0])
			if err != nil {
				return err
			}
			_, report, err := agentbundle.Inspect(agentbundle.Config{Package: agentbundle.Source{Path: path, Format: format}})
			if err != nil {
				return usageError{err}
			}
			entry, excluded, err := overlay(filepath.Dir(config), path, format, report)
			if err != nil {
				return err
			}
			if err := appendOverlay(config, entry); err != nil {
				return fmt.Errorf("adding %q to %q: %w", args[0], config, err)
			}
			packed := 0
			for _, f := range report.Formats {
				packed += f.Packed
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "added %d agents and commands, %d files excluded\n", packed, excluded)
			return emit(cmd, path, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, path)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&config, "config", defaultSource, "the bundle's config `file`")
	cmd.Flags().StringVar(&format, "format", agentbundle.FormatAuto, "the `format` of the source")
	return cmd
}

// sourceDir is the directory of a source, once npm has installed it.
func sourceDir(cmd *cobra.Command, dir, source string) (string, error) {
	if info, err := os.Stat(source); err == nil && info.IsDir() {
		return source, nil
	}
	m := packageRE.FindStringSubmatch(source)
	if m == nil {
		return "", usageError{fmt.Errorf("a source must be a directory, or a package with its exact version such as @example/agents@1.2.3, got %q", source)}
	}
	npm := exec.CommandContext(cmd.Context(), "npm", "install", "--ignore-scripts", "--save-exact", "--no-audit", "--no-fund", "--prefix", dir, source)
	npm.Stdout, npm.Stderr = cmd.ErrOrStderr(), cmd.ErrOrStderr()
	if err := npm.Run(); err != nil {
		return "", fmt.Errorf("installing %s with npm: %w", source, err)
	}
	return filepath.Join(dir, "node_modules", filepath.FromSlash(m[1])), nil
}

// overlay is the entry of a source in the config file in dir.
func overlay(dir, path, format string, report *agentbundle.Report) (entry *yaml.Node, excluded int, err error) {
	exclude := map[string]string{}
	for _, p := range report.Problems {
		name, err := filepath.Rel(path, p.Path)
		if err != nil || p.Severity != agentbundle.SeverityError || name == "." {
			continue
		}
		exclude[filepath.ToSlash(name)] = p.Message
	}
	if !filepath.IsAbs(path) {
		if path, err = filepath.Rel(dir, path); err != nil {
			return nil, 0, err
		}
	}
	source := struct {
		Path    string            `yaml:"path"`
		Format  string            `yaml:"format"`
		Exclude map[string]string `yaml:"exclude,omitempty"`
	}{filepath.ToSlash(path), format, exclude}
	entry = new(yaml.Node)
	return entry, len(exclude), entry.Encode(source)
}

// appendOverlay writes the config file with one more overlay. Comments stay.
func appendOverlay(config string, entry *yaml.Node) error {
	data, err := os.ReadFile(filepath.Clean(config))
	if err != nil {
		return fmt.Errorf("%w: begin one with agentbundle init", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return errors.New("it must be a mapping with the key package")
	}
	root := doc.Content[0]
	at := slices.IndexFunc(root.Content, func(n *yaml.Node) bool { return n.Value == "overlays" })
	if at < 0 {
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "overlays"}, &yaml.Node{Kind: yaml.SequenceNode})
		at = len(root.Content) - 2
	}
	list := root.Content[at+1]
	for _, other := range list.Content {
		if p := other.Value; p == entry.Content[1].Value || len(other.Content) > 1 && other.Content[1].Value == entry.Content[1].Value {
			return errors.New("it has this source already")
		}
	}
	list.Kind, list.Style, list.Tag, list.Value = yaml.SequenceNode, 0, "", ""
	list.Content = append(list.Content, entry)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	text := strings.TrimRight(out.String(), "\n") + "\n"
	return os.WriteFile(filepath.Clean(config), []byte(text), 0o644) //nolint:gosec // a file for people
}
