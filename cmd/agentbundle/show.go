package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/diff"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func convertCommand() *cobra.Command {
	var from, format, out string
	cmd := &cobra.Command{
		Use: "convert --to FORMAT --out DIR [BUNDLE]", Short: "Write the agents in the format of another tool", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Write the agents and commands of a bundle as another tool reads them, into the\n" +
			"folders that it looks for below a directory. Files of the same name are\n" +
			"replaced. Standard output lists the files, standard error what the format has no\n" +
			"place for. A directory of any format will do: " + strings.Join(convert.Tools(), ", ") + ".",
		Example: `  agentbundle convert --to claude-code --out .
  agentbundle convert --from cursor --to claude-code --out . path/to/rules
  agentbundle convert --to opencode --out /tmp/agents registry.example.com/codeflow:blue`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" || out == "" || !slices.Contains(convert.Formats(), format) {
				return usageError{fmt.Errorf("--to must be one of %s, and --out a directory, got %q and %q",
					strings.Join(convert.Formats(), ", "), format, out)}
			}
			bundle, err := openAs(cmd, argument(args, 0), from)
			if err != nil {
				return err
			}
			files, lost, err := convert.Convert(format, bundle.files)
			if err != nil {
				return err
			}
			for _, line := range lines(lost) {
				fmt.Fprintln(cmd.ErrOrStderr(), line)
			}
			if err := write(out, files); err != nil {
				return fmt.Errorf("writing to %q: %w", out, err)
			}
			names := slices.Sorted(maps.Keys(files))
			return emit(cmd, names, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.Join(names, "\n"))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the `format` of a source: auto, "+strings.Join(convert.Tools(), ", "))
	cmd.Flags().StringVar(&format, "to", "", "the `format`: "+strings.Join(convert.Formats(), ", "))
	cmd.Flags().StringVar(&out, "out", "", "the `directory` to write to")
	return cmd
}

// maxLost is how many files are named of those that lose the same.
const maxLost = 3

// lines tell what is lost, once for all files that lose the same.
func lines(lost []convert.Loss) []string {
	byReason := map[string][]string{}
	for _, loss := range lost {
		reason := loss.Key + ": " + loss.Reason
		byReason[reason] = append(byReason[reason], loss.Path)
	}
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		paths := byReason[reason]
		line := fmt.Sprintf("lost %s: %s", reason, strings.Join(paths[:min(len(paths), maxLost)], ", "))
		if left := len(paths) - maxLost; left > 0 {
			line += fmt.Sprintf(", and %d more", left)
		}
		all = append(all, line)
	}
	return all
}

func unpackCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "unpack --out DIR [BUNDLE]", Short: "Write a bundle as codeflow-server reads it", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Write the files of a bundle and its manifest to a directory, which must be new or\n" +
			"empty: the server refuses files that the manifest does not list.",
		Example: `  agentbundle unpack --out /tmp/bundle
  codeflow-server -stdio -bundle /tmp/bundle`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("--out must be a directory")}
			}
			if entries, _ := os.ReadDir(out); len(entries) > 0 {
				return fmt.Errorf("unpacking to %q: must be empty, has %q: choose another directory", out, entries[0].Name())
			}
			bundle, err := open(cmd, argument(args, 0))
			if err != nil {
				return err
			}
			data, err := bundle.Manifest.Encode()
			if err != nil {
				return err
			}
			bundle.files[manifest.FileName] = data
			if err := write(out, bundle.files); err != nil {
				return fmt.Errorf("unpacking to %q: %w", out, err)
			}
			return emit(cmd, bundle, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, bundle.Manifest.BundleDigest)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the `directory` to write to")
	return cmd
}

// write writes files below a directory; links in it cannot lead out of it.
func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, data := range files {
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(filepath.FromSlash(name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func diffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff A B", Short: "Show what differs between two bundles", Args: usage(cobra.ExactArgs(2)),
		Long: "Show which agents and commands bundle B adds, removes and changes, with the\n" +
			"changed values of the front matter and the text. A difference is no failure.",
		Example: `  agentbundle diff registry.example.com/codeflow:blue agents/bundle.yaml
  agentbundle diff --json dist-old dist-new | jq -r '.changed[].path'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, errBefore := open(cmd, args[0])
			after, errAfter := open(cmd, args[1])
			if err := errors.Join(errBefore, errAfter); err != nil {
				return err
			}
			result := diff.Compare(before.files, after.files)
			return emit(cmd, result, result.WriteText)
		},
	}
}

func showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [BUNDLE]", Short: "List what is in a bundle", Args: usage(cobra.MaximumNArgs(1)),
		Long: "List the agents and commands of a bundle, with the digest of each. The content of\n" +
			"an image is verified.",
		Example: `  agentbundle show
  agentbundle show --json registry.example.com/codeflow:blue | jq .manifest.bundleDigest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			bundle, err := open(cmd, argument(args, 0))
			if err != nil {
				return err
			}
			return emit(cmd, bundle, bundle.writeText)
		},
	}
}

func (c *contents) writeText(w io.Writer) error {
	m := &c.Manifest
	var b strings.Builder
	for _, source := range append([]manifest.Source{m.Source}, m.Overlays...) {
		fmt.Fprintf(&b, "source    %s %s\n", source.Name, source.Version)
	}
	fmt.Fprintf(&b, "bundle    %s\n", m.BundleDigest)
	if c.Image != "" {
		fmt.Fprintf(&b, "image     %s\n", c.Image)
	}
	for _, list := range []struct {
		title   string
		entries []manifest.Entry
	}{{"agents", m.Agents}, {"commands", m.Commands}} {
		fmt.Fprintf(&b, "%-8s  %d\n", list.title, len(list.entries))
		for _, e := range list.entries {
			fmt.Fprintf(&b, "  %-32s  sha256:%s\n", e.Name, e.SHA256)
		}
	}
	fmt.Fprintf(&b, "excluded  %d\n", len(m.Excluded))
	for _, e := range m.Excluded {
		fmt.Fprintf(&b, "  %s: %s\n", e.Path, e.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
