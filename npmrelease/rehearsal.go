package npmrelease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease/registry"
)

// rehearsal is a registry, and a checkout of the pinned package.
type rehearsal struct {
	registry *registry.Registry
	checkout string
	out      string // of the checks
	bun      string // its folder
	progress io.Writer
}

// Rehearse releases the project's pinned package to a registry on loopback, and
// tries what must be refused. Root is the project's folder, where agents, peers
// and npmrelease/registry are installed.
func Rehearse(ctx context.Context, root string, progress io.Writer) (_ Report, err error) {
	bun, err := process.Bun(ctx, filepath.Join(root, "peers"))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "npmrelease-rehearsal-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &rehearsal{checkout: filepath.Join(dir, "checkout"), out: filepath.Join(dir, "out"), bun: filepath.Dir(bun), progress: progress}
	modules, err := filepath.Abs(filepath.Join(root, "agents", "node_modules"))
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(r.checkout, os.DirFS(filepath.Join(modules, "@agentic-codeflow", "cli"))); err != nil {
		return nil, fmt.Errorf("copying the pinned package: %w: run `npm ci --ignore-scripts --prefix agents`", err)
	}
	if err := os.Symlink(modules, filepath.Join(r.checkout, "node_modules")); err != nil {
		return nil, err
	}
	r.registry, err = registry.Start(ctx, filepath.Join(root, "npmrelease", "registry"), dir, "@agentic-codeflow/*", modules)
	if err != nil {
		return nil, err
	}
	defer r.registry.Stop()
	return runSteps(ctx, r.steps(), nil, progress)
}

func (r *rehearsal) steps() []step {
	// The published package lacks what these need.
	without := Options{Without: []string{"typecheck", "test", "lint"}}
	return []step{
		r.refuses("check without the checks' tools", Check, Options{}, "typecheck: "),
		{name: "check without bun", does: "what users without bun get", leaveOut: hasBun, run: r.checkWithoutBun},
		r.does("check", Check, without),
		r.does("publish", Publish, Options{}),
		r.does("verify", Verify, Options{}),
		r.refuses("publish again", Publish, Options{}, "run `npm version patch`"),
		{name: "patch", does: "npm version patch", run: r.patch},
		r.does("check the patch", Check, without),
		r.does("publish the patch", Publish, Options{}),
		r.does("verify the patch", Verify, Options{}),
		{name: "deprecate the patch", does: "npm deprecate", run: r.deprecate},
		{name: "plant a secret", does: "write a token to src/leak.ts, npm version patch", run: r.plant},
		r.refuses("check the secret", Check, without, "src/leak.ts:1: error: secret: must not hold secrets"),
		r.refuses("publish something else", Publish, Options{Integrity: "sha512-b3RoZXI="}, "its hash must be that of the tarball that was checked"),
	}
}

func (r *rehearsal) options(o Options) Options {
	o.Path, o.Out, o.Registry, o.NoProvenance, o.Bin, o.Progress = r.checkout, r.out, r.registry.URL, true, r.bun, r.progress
	o.Reach = func() []string { return nil } // the package is pinned, and others of its code run here anyhow
	o.Getenv = func(name string) string {
		if name == tokenVariable {
			return r.registry.Token
		}
		return ""
	}
	return o
}

// does is a step of which all goes well.
func (r *rehearsal) does(name string, command Command, o Options) step {
	return step{name: name, does: string(command), run: func(ctx context.Context) (string, error) {
		report, err := Release(ctx, command, r.forCommand(command, o))
		if err != nil {
			return "", err
		}
		return report[len(report)-1].Detail, nil
	}}
}

// refuses is a step that must fail.
func (r *rehearsal) refuses(name string, command Command, o Options, want string) step {
	return step{name: name, does: string(command) + ", which must be refused", run: func(ctx context.Context) (string, error) {
		_, err := Release(ctx, command, r.forCommand(command, o))
		return refused(err, want)
	}}
}

// forCommand leads to what the last check packed.
func (r *rehearsal) forCommand(command Command, o Options) Options {
	o = r.options(o)
	if command == Publish || command == Verify {
		hash, _ := os.ReadFile(filepath.Join(r.out, IntegrityName)) // without it the hash is wrong
		o.Tarball, o.Integrity = filepath.Join(r.out, TarballName), cmp.Or(o.Integrity, string(hash))
	}
	return o
}

func refused(err error, want string) (string, error) {
	if err == nil {
		return "", fmt.Errorf("it must be refused with %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		return "", fmt.Errorf("it must be refused with %q, got: %w", want, err)
	}
	return "refused: " + err.Error(), nil
}

func hasBun() string {
	if path, err := exec.LookPath("bun"); err == nil {
		return "bun is installed: " + path
	}
	return ""
}

func (r *rehearsal) checkWithoutBun(ctx context.Context) (string, error) {
	o := r.options(Options{Without: []string{"typecheck", "test", "lint", "build"}})
	o.Bin = ""
	_, err := Release(ctx, Check, o)
	return refused(err, "the package needs bun")
}

// patch counts the checkout's version up, as the guide does.
func (r *rehearsal) patch(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "npm", "version", "patch", "--no-git-tag-version", "--ignore-scripts")
	cmd.Dir = r.checkout
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (r *rehearsal) deprecate(ctx context.Context) (string, error) {
	m, err := readManifest(r.checkout)
	if err != nil {
		return "", err
	}
	previous, err := readManifest(filepath.Join(r.checkout, "node_modules", "@agentic-codeflow", "cli"))
	if err != nil {
		return "", err
	}
	report, err := Release(ctx, Deprecate, r.options(Options{Version: m.Version, Use: previous.Version}))
	if err != nil {
		return "", err
	}
	return report[1].Detail + "; " + report[2].Detail, nil
}

// plant writes what has the shape of an npm token and is none.
func (r *rehearsal) plant(ctx context.Context) (string, error) {
	leak := fmt.Sprintf("export const token = %q;\n", "npm_"+strings.Repeat("x", 36))
	if err := os.WriteFile(filepath.Join(r.checkout, "src", "leak.ts"), []byte(leak), 0o600); err != nil {
		return "", err
	}
	return r.patch(ctx)
}
