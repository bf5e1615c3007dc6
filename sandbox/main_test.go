//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func compiles(binary string, err error) compiler {
	return func(context.Context, string, string, io.Writer) (string, error) { return binary, err }
}

// Signals are the whole process's: nothing here runs in parallel.

func TestExitCodes(t *testing.T) {
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	failed := exec.CommandContext(t.Context(), sh, "-c", "exit 1").Run()
	for name, c := range map[string]struct {
		compile compiler
		script  string
		code    int
		said    string
	}{
		"success":              {compiles(sh, nil), "exit 0", 0, ""},
		"the command's":        {compiles(sh, nil), "exit 7", 7, ""},
		"a signal's":           {compiles(sh, nil), "kill -KILL $$", 1, "error: the sandbox ended: signal: killed\n"},
		"does not compile":     {compiles("", errors.Join(failed, errors.New("undefined: x"))), "", 1, "error: exit status 1\nundefined: x\n"},
		"is no program":        {compiles(os.DevNull, nil), "", 1, "error: fork/exec /dev/null: permission denied\n"},
		"ended while compiled": {interruptedCompile, "", 130, "interrupted; what was compiled is kept\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, run([]string{"-c", c.script}, &out, c.compile))
			assert.Equal(t, c.said, out.String())
		})
	}
}

func interruptedCompile(ctx context.Context, _, _ string, _ io.Writer) (string, error) {
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-ctx.Done()
	return "", ctx.Err()
}

func TestSignalsReachTheCommand(t *testing.T) {
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	// The command signals the launcher, which is this process, and gets it back.
	script := `trap 'exit 42' TERM; kill -TERM $PPID; while :; do sleep 0.1; done`
	assert.Equal(t, 42, run([]string{"-c", script}, io.Discard, compiles(sh, nil)))
}
