package main

// Most tests begin with stacks that are up. Each is brought up once in a test
// process, and each test has a copy of that sandbox's folder.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// level is how much is up in a sandbox. It returns the folder of a closed one, which
// nobody opens; nil is an empty one.
type level func() (string, error)

// The levels, each what the one before is, and more.
var (
	withProd    = level(nil).with(up("prod"))
	withBlue    = withProd.with(up("blue"))
	withColors  = withBlue.with(up("green"))
	withTraffic = withColors.with(func(ctx context.Context, s *engine.Sandbox) error {
		return errors.Join(traffic(map[string]int{"blue": 100})(s), up("prod")(ctx, s))
	})
	withAll = withTraffic.with(up("bootstrap", "dr"))
)

func up(stacks ...string) func(context.Context, *engine.Sandbox) error {
	return func(ctx context.Context, s *engine.Sandbox) error {
		for _, stack := range stacks {
			if _, err := s.Run(ctx, stack, engine.Up); err != nil {
				return err
			}
		}
		return nil
	}
}

// warmed are the folders of the levels, for TestMain to remove.
var warmed []string

// with is a level with more, which is made when a test first asks for it.
func (l level) with(more func(context.Context, *engine.Sandbox) error) level {
	return sync.OnceValues(func() (dir string, err error) {
		if dir, err = newFolder("warm"); err != nil {
			return "", err
		}
		err = l.copyTo(dir)
		warmed = append(warmed, dir) // one at a time: the level below is made by now.
		if err != nil {
			return "", err
		}
		var log strings.Builder
		s, err := engine.Open(context.Background(), engine.Options{Root: root, Dir: dir, Out: &log})
		if err == nil {
			err = errors.Join(more(context.Background(), s), s.Close())
		}
		if err != nil {
			return "", fmt.Errorf("%w\n%s", err, &log)
		}
		return dir, nil
	})
}

// copyTo copies the level's sandbox to a folder. Nothing in it has the folder's name
// but what is written anew when it is used.
func (l level) copyTo(dir string) error {
	if l == nil {
		return nil
	}
	from, err := l()
	if err != nil {
		return err
	}
	// A database's files stay its user's.
	if out, err := exec.Command("cp", "-a", from+"/.", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("copying a sandbox: %w: %s", err, out)
	}
	return nil
}

// copied is a folder of the test's own at the level.
func (l level) copied(t *testing.T) string {
	t.Helper()
	dir := folder(t)
	require.NoError(t, l.copyTo(dir))
	return dir
}

// TestLevelsNameNoFolder shows that a copy leads nowhere but into itself.
func TestLevelsNameNoFolder(t *testing.T) {
	t.Parallel()
	from, err := withAll()
	require.NoError(t, err)
	for _, part := range []string{"stacks", filepath.Join("state", ".pulumi", "stacks"), "cloud", "registry"} {
		files := 0
		require.NoError(t, filepath.WalkDir(filepath.Join(from, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.False(t, bytes.Contains(text, []byte(filepath.Base(from))), path)
			files++
			return nil
		}))
		assert.Positive(t, files, part)
	}
	assert.NoFileExists(t, filepath.Join(from, "running"), "it is closed")
}
