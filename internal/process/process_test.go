//go:build linux

// These tests start small programs; what starts the real server tests the rest.
package process

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStartFails(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), "/", func(string) *exec.Cmd { return exec.Command("sh", "-c", "echo the reason >&2; exit 1") })
	require.ErrorContains(t, err, "starting sh: it ended at once\nthe reason")
	_, err = Start(t.Context(), "/", func(string) *exec.Cmd { return exec.Command("/no/such/program") })
	assert.ErrorContains(t, err, "starting program")
}

func TestStart(t *testing.T) {
	t.Parallel()
	node, err := Node()
	if err != nil {
		t.Skip(err)
	}
	p, err := Start(t.Context(), "/", func(port string) *exec.Cmd {
		return exec.Command(node, "-e", `require("http").createServer((_, answer) => answer.end()).listen(process.argv[1], "127.0.0.1")`, port)
	})
	require.NoError(t, err)
	assert.Positive(t, p.Ready)
	resident, own, err := p.Memory()
	require.NoError(t, err)
	assert.Greater(t, resident, own)
	assert.Greater(t, own, int64(1<<20))
	p.Stop()
	require.Error(t, Get(t.Context(), "http://"+p.Address))
	_, _, err = p.Memory()
	assert.ErrorContains(t, err, "no such file")
}

func TestBunIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Bun(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "npm ci --prefix peers")
}

func TestTail(t *testing.T) {
	t.Parallel()
	var last tail
	for range maxErrors {
		_, _ = last.Write([]byte("more"))
	}
	assert.Equal(t, strings.Repeat("more", maxErrors/4), last.String())
}
