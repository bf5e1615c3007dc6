// Command workflows runs the steps of .github/workflows on this machine, in their
// order: in a clone of the project's last commit, with the sandbox in place of AWS,
// verdaccio in place of npm, and a server on loopback in place of GitHub. It runs in
// the project's root, on Linux, after make has installed what the Makefile names.
//
// It prints a row for each step, and fails when a step does that must not, or does
// not that must. What it leaves out is among the rows, with the reason.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/githubtest"
	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rehearse(ctx, ".", os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "workflows:", err)
		os.Exit(1)
	}
}

// stage is where the workflows are rehearsed.
type stage struct {
	*runner
	root    string // the project's
	sandbox string // the sandbox's command, with its flags
	github  *githubtest.GitHub
	token   string // of the npm registry
}

func rehearse(ctx context.Context, root string, out, progress io.Writer) (err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "HEAD").CombinedOutput(); err != nil {
		fmt.Fprintf(progress, "skipped: the workflows are not tried, since there is no commit to clone: %s", out)
		return nil
	}
	dir, err := os.MkdirTemp("", "workflows-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL does not run as root, and must pass it
		return err
	}
	s := &stage{
		runner: &runner{dir: filepath.Join(dir, "clone"), out: progress}, root: root,
		github: &githubtest.GitHub{Author: "github-actions[bot]"},
	}

	server := httptest.NewServer(s.github)
	defer server.Close()
	npm, err := registry.Start(ctx, filepath.Join(root, "npmrelease", "registry"), dir, "@agentic-codeflow/*", filepath.Join(root, "agents", "node_modules"))
	if err != nil {
		return err
	}
	defer npm.Stop()
	s.token = npm.Token
	if err := s.setUp(ctx, dir, server.URL, npm); err != nil {
		return err
	}
	began := time.Now()
	err = s.scenarios(ctx)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKFLOW\tJOB\tSTEP\tRESULT\t")
	for _, row := range s.rows {
		fmt.Fprintln(w, row)
	}
	fmt.Fprintf(w, "%d rows in %.0f s\n", len(s.rows), time.Since(began).Seconds())
	return errors.Join(err, w.Flush())
}

// setUp clones the project, builds the sandbox and brings prod, blue and dr up in it,
// with the protection that the rules ask for.
func (s *stage) setUp(ctx context.Context, dir, github string, npm *registry.Registry) error {
	binary, origin := filepath.Join(dir, "sandbox"), filepath.Join(dir, "origin")
	s.sandbox = fmt.Sprintf("%s --root %s --dir %s", binary, s.dir, filepath.Join(s.dir, ".sandbox", "aws"))
	s.env = []string{
		"PULUMI=" + s.sandbox, "OPS=" + s.sandbox + " ops", "OUTPUTS=" + s.sandbox + ` outputs --stack "$$STACK"`,
		"EXPORT=" + s.sandbox + ` export --stack "$$STACK"`, "STACK_FILES=" + filepath.Join(s.dir, ".sandbox", "aws", "stacks"),
		"SMOKE=" + s.sandbox + ` smoke --stack "$$STACK"`, "COMMIT=", // its stack files are not in the repository
		"GITHUB_API_URL=" + github, "GITHUB_REPOSITORY=o/r", "GITHUB_RUN_ID=1", "GITHUB_STEP_SUMMARY=/dev/null",
		"NPM_REGISTRY=" + npm.URL, "NPM_PUBLISH_FLAGS=--no-provenance",
		"NPM_FLAGS=--without typecheck,test,lint", // the published package lacks what they need
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com",
	}
	for _, line := range []string{
		"git clone --quiet --bare --single-branch " + s.root + " " + origin + " && git -C " + origin + " branch --force main HEAD",
		"git clone --quiet --branch main " + origin + " " + s.dir,
		"go build -C " + filepath.Join(s.root, "sandbox") + " -o " + binary + " ./cmd/sandbox",
	} {
		cmd := exec.CommandContext(ctx, "bash", "-c", line)
		cmd.Stdout, cmd.Stderr = s.out, s.out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	if cli := filepath.Join(s.root, ".sandbox", "cli"); exists(cli) { // it need not be built twice
		if err := os.CopyFS(filepath.Join(s.dir, ".sandbox", "cli"), os.DirFS(cli)); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(s.dir, "package"), os.DirFS(filepath.Join(s.root, "agents", "node_modules", "@agentic-codeflow", "cli"))); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(s.root, "agents", "node_modules"), filepath.Join(s.dir, "package", "node_modules")); err != nil {
		return err
	}
	for _, line := range []string{
		"make agents/node_modules/.package-lock.json peers/node_modules/.package-lock.json",
		s.sandbox + " up --as-is --stack prod", s.sandbox + " up --as-is --stack blue", s.sandbox + " up --as-is --stack dr",
		s.sandbox + " preview --as-is --stack green",
	} {
		if err := s.do(ctx, line); err != nil {
			return err
		}
	}
	return s.do(ctx, "sed -i 's/^  codeflow:kind: platform/&\\n  codeflow:traffic: {blue: 100}/' .sandbox/aws/stacks/Pulumi.prod.yaml && "+s.sandbox+" up --stack prod")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// do runs a line that is no step.
func (s *stage) do(ctx context.Context, line string) error {
	if _, _, err := s.run(ctx, line, nil); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// agent changes an agent of the team's and commits it on a branch.
func (s *stage) agent(ctx context.Context, branch, text string) error {
	return s.do(ctx, "git checkout --quiet -B "+branch+" && echo '"+text+"' >> agents/own/command/commit.md && git commit --quiet --all -m '"+text+"'")
}

func (s *stage) playAll(ctx context.Context, list ...scenario) error {
	all, err := load(s.dir)
	if err != nil {
		return err
	}
	for _, next := range list {
		if err := s.play(ctx, all[next.workflow], next); err != nil {
			return err
		}
	}
	return nil
}

// expect is an error unless something is so.
func expect(ok bool, what string) error {
	if ok {
		return nil
	}
	return errors.New("expected that " + what)
}

// contains reports whether a text has all of these.
func contains(body string, all ...string) bool {
	return !slices.ContainsFunc(all, func(text string) bool { return !strings.Contains(body, text) })
}
