package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

func checkCommand() *cobra.Command {
	var fix bool
	var format string
	cmd := &cobra.Command{
		Use: "check [SOURCE]", Short: "Report everything that is wrong with the agents", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Report everything that is wrong with the agents and commands of a source,\n" +
			"secrets among it, one problem a line: path:line: severity: rule: message.\n" +
			"Warnings are reported too, but do not fail the command. Then every file that is\n" +
			"not packed, by reason, and what was read, packed and refused of each format.",
		Example: `  agentbundle check
  agentbundle check --format claude-code path/to/agents
  agentbundle check --fix path/to/agents
  agentbundle check --json path/to/agents | jq '.problems[].path'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := sourceConfig(argument(args, 0))
			if err != nil {
				return err
			}
			if format != "" {
				cfg.Package.Format = format
			}
			if fix {
				fixed, err := agentbundle.Fix(cfg)
				for _, f := range fixed {
					fmt.Fprintln(cmd.ErrOrStderr(), f)
				}
				if err != nil {
					return err
				}
			}
			_, report, err := agentbundle.Inspect(cfg)
			if err != nil {
				return err
			}
			if err := emit(cmd, report, report.WriteText); err != nil {
				return err
			}
			if report.Errors() > 0 {
				return errProblems
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "first correct what has one right correction: endings, quotes, byte order marks")
	cmd.Flags().StringVar(&format, "format", "", "the `format` of the source, or of the package in a config file: auto, "+strings.Join(convert.Tools(), ", "))
	return cmd
}

// imageFlags are the flags of an image's content.
type imageFlags struct {
	module, base string
	port         int
}

func (f *imageFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.module, "module", ".", "the `directory` of the Go module that holds cmd/codeflow-server")
	cmd.Flags().StringVar(&f.base, "base", "scratch", "the base: scratch, an OCI layout, or an `image` by digest")
	cmd.Flags().IntVar(&f.port, "port", agentbundle.DefaultPort, "the TCP port that the server listens on")
}

// built is the result of a build.
type built struct {
	Digest       string `json:"digest"`
	BundleDigest string `json:"bundleDigest"`
	SBOM         string `json:"sbom"`
	Tag          string `json:"tag"`
	Agents       int    `json:"agents"`
	Commands     int    `json:"commands"`
	// Output is the directory of the OCI layout, Reference the image in the
	// registry.
	Output    string `json:"output,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// build packs a source.
func (f *imageFlags) build(cmd *cobra.Command, source string) (*agentbundle.Image, *built, error) {
	cfg, err := sourceConfig(source)
	if err != nil {
		return nil, nil, err
	}
	cfg.Module, cfg.Base, cfg.Port = f.module, f.base, f.port
	bundle, err := load(cmd, cfg)
	if err != nil {
		return nil, nil, err
	}
	m := &bundle.Manifest
	fmt.Fprintf(cmd.ErrOrStderr(), "packing %d agents and %d commands\n", len(m.Agents), len(m.Commands))
	image, err := bundle.Image(cmd.Context(), nil)
	if err != nil {
		return nil, nil, err
	}
	sbom, err := image.SBOM.Digest()
	if err != nil {
		return nil, nil, err
	}
	return image, &built{
		Digest: image.Digest.String(), BundleDigest: image.BundleDigest, SBOM: sbom.String(), Tag: image.Tag,
		Agents: len(m.Agents), Commands: len(m.Commands),
	}, nil
}

func buildCommand() *cobra.Command {
	var flags imageFlags
	var output string
	cmd := &cobra.Command{
		Use: "build [SOURCE]", Short: "Pack the agents into an image", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Pack the agents and the server into an image for linux/amd64.\n" +
			"The last line of standard output is the image's digest.",
		Example: `  agentbundle build
  agentbundle build --output dist && skopeo inspect oci:dist:$(agentbundle build --json | jq -r .tag)`,
		RunE: func(cmd *cobra.Command, args []string) error {
			image, result, err := flags.build(cmd, argument(args, 0))
			if err != nil {
				return err
			}
			if output != "" {
				if err := image.WriteLayout(output); err != nil {
					return err
				}
				result.Output = output
				fmt.Fprintf(cmd.ErrOrStderr(), "wrote oci:%s:%s\n", output, image.Tag)
			}
			return emit(cmd, result, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, result.Digest)
				return err
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the image to this `directory` as an OCI layout")
	return cmd
}

func pushCommand() *cobra.Command {
	var flags imageFlags
	var tags []string
	cmd := &cobra.Command{
		Use: "push REPOSITORY [SOURCE]", Short: "Pack the agents and push the image", Args: usage(cobra.RangeArgs(1, 2)),
		Long: "Pack the agents and push the image with its SBOM to a repository. What is there\n" +
			"already is not sent again, so a push that was cut off can be repeated.\n" +
			"The last line of standard output is the image's reference by digest.\n\n" +
			"Credentials are Docker's (docker login, credential helpers); for ECR otherwise\n" +
			"those of the AWS SDK (environment, profile, SSO, role); otherwise none.",
		Example: `  agentbundle push 111122223333.dkr.ecr.eu-central-1.amazonaws.com/codeflow
  agentbundle push --tag blue-next localhost:5000/codeflow path/to/agents`,
		RunE: func(cmd *cobra.Command, args []string) error {
			repo, err := name.NewRepository(args[0])
			if err != nil {
				return usageError{err}
			}
			image, result, err := flags.build(cmd, argument(args, 1))
			if err != nil {
				return err
			}
			auth, err := authn.Resolve(cmd.Context(), keychain, repo)
			if err != nil {
				return fmt.Errorf("finding credentials for %s: %w", repo.Registry, err)
			}
			if err := image.Push(cmd.Context(), repo, auth, progress(cmd.ErrOrStderr()), tags...); err != nil {
				return err
			}
			result.Reference = repo.Digest(result.Digest).String()
			fmt.Fprintf(cmd.ErrOrStderr(), "tagged %s\n", strings.Join(append([]string{image.Tag}, tags...), ", "))
			return emit(cmd, result, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, result.Reference)
				return err
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "a further `tag`; may be repeated")
	return cmd
}

// progress writes a line for every tenth of an upload.
func progress(w io.Writer) func(complete, total int64) {
	last := int64(-1)
	return func(complete, total int64) {
		if tenth := complete * 10 / max(total, 1); tenth != last {
			last = tenth
			fmt.Fprintf(w, "pushed %d of %d KiB\n", complete>>10, total>>10)
		}
	}
}
