package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// plainID are the ids that the SDK gives back as they were.
var plainID = regexp.MustCompile(`^(-?[1-9][0-9]{0,14}|0|"[\w:.-]*")$`)

// envelope is what an answer has.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Code int }
}

// FuzzMCP sends any body, for any version. Whoever sent it is to blame for what
// is wrong, and is told so in JSON-RPC. A well-formed request gets the very answer
// that the SDK gives without anything before it.
func FuzzMCP(f *testing.F) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	for _, seed := range []struct{ version, body string }{
		{"", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`},
		{"2025-06-18", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"api-builder"}}}`},
		{"2025-06-18", `{"jsonrpc":"2.0","id":-1.5e3,"method":"tools/call","params":{"name":"search_agents","arguments":{"query":"api","limit":"5","x":null}}}`},
		{"2024-11-05", `{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"plan","arguments":{"ticket":"{{ticket}}"}}}`},
		{"", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agent://\u0000"}}`},
		{"", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"agent://{name}"},"argument":{"name":"name","value":"a"}}}`},
		{"2025-11-25", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`},
		{"2026-07-28", `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`},
		{"2026-07-28", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + meta + `}}`},
		{"2026-07-28", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},` + meta + `}}`},
		{"2027-01-01", `{"jsonrpc":"2.0","id":1,"method":"ping"}`},
		{"", `{"jsonrpc":"2.0","method":"notifications/initialized"}`},
		{"2025-03-26", `[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]`},
		{"", `{"jsonrpc":"2.0","id":1,"result":{}}`},
		{"", `{"jsonrpc":"2.0","id":"\ud83d\u0061","method":"ping","params":null}`},
	} {
		f.Add(seed.version, seed.body)
	}
	handler := server.New(bundletest.Small(f), &server.Options{Logger: slog.New(slog.DiscardHandler)})
	sdk := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return handler.MCP().Server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, MaxRequestBodyBytes: -1, PropagateRequestCancellation: true,
	})
	ask := func(handler http.Handler, version, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		if version != "" {
			req.Header.Set("Mcp-Protocol-Version", version)
		}
		if _, method := wellFormed(body); method != "" { // as a client of the newest version
			req.Header.Set("Mcp-Method", method)
		}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		return rec
	}
	f.Fuzz(func(t *testing.T, version, body string) {
		if strings.ContainsFunc(version, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(version) != version {
			t.Skip("no header has that")
		}
		rec := ask(handler, version, body)
		stream := rec.Header().Get("Content-Type") == "text/event-stream"
		require.Less(t, rec.Code, http.StatusInternalServerError)
		switch {
		case rec.Code == http.StatusAccepted:
			require.Empty(t, rec.Body.String())
		case !stream:
			require.True(t, json.Valid(rec.Body.Bytes()), "%q", rec.Body)
			require.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		}
		id, method := wellFormed(body)
		if method == "" || stream || !slices.Contains(compared, version) {
			return
		}
		var got, want envelope
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got))
		if string(got.ID) != "null" {
			require.Equal(t, id, string(got.ID))
		}
		alone := ask(sdk, version, body)
		if !plainID.MatchString(id) || json.Unmarshal(alone.Body.Bytes(), &want) != nil {
			return // it changes the id, or answers in words
		}
		switch {
		case want.Error == nil, want.Error.Code != 0 && want.Error.Code != jsonrpc.CodeInvalidRequest && got.Error.Code == want.Error.Code:
			require.Equal(t, alone.Code, rec.Code)
			if want.Error == nil {
				require.JSONEq(t, alone.Body.String(), rec.Body.String())
			}
		default:
			require.NotNil(t, got.Error, "%s: the SDK says %s", rec.Body, alone.Body)
		}
	})
}

// compared are the versions whose answers are compared.
var compared = append(mcp.SupportedProtocolVersions(), "")

// wellFormed returns the id and the method of a request, "" of anything else.
func wellFormed(body string) (id, method string) {
	var keys map[string]json.RawMessage
	if !utf8.ValidString(body) || json.Unmarshal([]byte(body), &keys) != nil ||
		string(keys["jsonrpc"]) != `"2.0"` || len(keys["id"]) == 0 || json.Unmarshal(keys["method"], &method) != nil {
		return "", ""
	}
	return string(keys["id"]), method
}

// TestHealthAfterAnything: no request makes the server unhealthy.
func TestHealthAfterAnything(t *testing.T) {
	t.Parallel()
	handler := newServer(bundletest.Small(t), server.Options{})
	for _, body := range []string{"", "{", "[[[", "\x00", strings.Repeat("[", 1<<16)} {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body)))
		assert.Less(t, rec.Code, http.StatusInternalServerError)
		assert.Equal(t, http.StatusOK, get(handler, http.MethodGet, "/health").Code)
	}
}
