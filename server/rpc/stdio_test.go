package rpc_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/rpc"
)

// TestStdio sends lines as clients do and should not: each that needs an answer
// gets one, and none ends the server.
func TestStdio(t *testing.T) {
	t.Parallel()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"VERSION","io.modelcontextprotocol/clientCapabilities":{}}`
	lines := []struct{ sent, want string }{ // the beginnings of lines
		{ping("9007199254740993"), pong("9007199254740993")},
		{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`, `{"jsonrpc":"2.0","id":1,"result":{`},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""},
		{`{"jsonrpc":"2.0","method":"notifications/foo"}`, ""},
		{"", ""},
		{" \t" + ping("1.5") + " ", pong("1.5")},
		{`{"jsonrpc":`, fault("null", -32700)},
		{ping("null"), fault("null", -32600)},
		{`{"id":8,"method":"ping"}`, fault("8", -32600)},
		{`{"jsonrpc":"2.0","id":7,"method":"foo/bar"}`, fault("7", -32601)},
		{"[" + ping("1") + "]", fault("null", -32600)}, // the negotiated version has no batches
		{`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a\nb"}}}`, `{"jsonrpc":"2.0","id":2,"result":{`},
		{`{"jsonrpc":"2.0","id":3,"method":"server/discover","params":{` + strings.Replace(meta, "VERSION", newest, 1) + `}}`, `{"jsonrpc":"2.0","id":3,"result":{`},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},` + strings.Replace(meta, "VERSION", newest, 1) + `}}`, `{"jsonrpc":"2.0","id":4,"result":{`},
		{`{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{` + strings.Replace(meta, "VERSION", "2027-01-01", 1) + `}}`, fault("5", -32022)},
		{
			`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{},` + strings.Replace(meta, "VERSION", newest, 1) + `}}`,
			`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"` + "\n" + `{"jsonrpc":"2.0","id":"l","result":{`,
		},
		{ping(`"last, without an end"`), pong(`"last, without an end"`)},
	}
	var in, out bytes.Buffer
	var wants []string
	for _, line := range lines {
		in.WriteString("\r\n" + line.sent)
		if line.want != "" {
			wants = append(wants, strings.Split(line.want, "\n")...)
		}
	}
	require.NoError(t, rpc.Stdio(t.Context(), rpc.New(sdk(), rpc.Options{}), &in, &out))
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, got, len(wants), out.String())
	for i, want := range wants {
		assert.True(t, strings.HasPrefix(got[i], want), "%s: want %s", got[i], want)
	}
}

func TestStdioEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	in, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- rpc.Stdio(ctx, rpc.New(sdk(), rpc.Options{}), in, io.Discard) }()
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, writer.Close())

	assert.ErrorContains(t, rpc.Stdio(t.Context(), rpc.New(sdk(), rpc.Options{}), strings.NewReader(strings.Repeat(" ", 17<<20)), io.Discard), "too long")
}
