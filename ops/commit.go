package ops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository keeps what the traffic really is, for the next update from it.
type Repository interface {
	// Commit makes a commit of one file on a new branch and returns its name, or ""
	// when the file is as it was committed.
	Commit(ctx context.Context, file, branch, message string) (string, error)
}

// Git is the repository of a folder. A commit leaves the checked out branch, the
// index and the other files alone.
type Git struct{ Dir string }

// Commit implements [Repository].
func (g Git) Commit(ctx context.Context, file, branch, message string) (string, error) {
	index, err := os.MkdirTemp("", "ops-index-")
	if err != nil {
		return "", fmt.Errorf("committing %q: %w", file, err)
	}
	defer os.RemoveAll(index)
	commit := func() (err error) {
		git := func(args ...string) (out string) {
			if err == nil {
				out, err = g.git(ctx, filepath.Join(index, "index"), args...)
			}
			return out
		}
		path := git("ls-files", "--full-name", "--", file)
		if err == nil && path == "" {
			return fmt.Errorf("%q is not in the repository: git add it once", file)
		}
		git("read-tree", "HEAD")
		blob := git("hash-object", "-w", "--", file)
		if committed := git("ls-tree", "--full-tree", "HEAD", "--", path); err == nil && strings.Contains(committed, " "+blob+"\t") {
			branch = ""
			return nil
		}
		git("update-index", "--cacheinfo", "100644,"+blob+","+path)
		tree := git("write-tree")
		made := git("commit-tree", tree, "-p", "HEAD", "-m", message)
		git("branch", branch, made)
		return err
	}
	if err := commit(); err != nil {
		return "", fmt.Errorf("committing %q on branch %q: %w", file, branch, err)
	}
	return branch, nil
}

func (g Git) git(ctx context.Context, index string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = g.Dir
	if args[0] != "ls-files" { // which reads the real index
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("git %s: %w", args[0], err), errors.New(strings.TrimSpace(stderr.String())))
	}
	return strings.TrimSpace(stdout.String()), nil
}
