package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// FuzzMCP sends any body. Whoever sent it is to blame for what is wrong, and a
// request that is answered well has JSON in its answer.
func FuzzMCP(f *testing.F) {
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"api-builder"}}}`,
		`{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"plan","arguments":{"ticket":"{{ticket}}"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agent://\u0000"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"agent://{name}"},"argument":{"name":"name","value":"a"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
	} {
		f.Add(body)
	}
	handler := server.New(bundletest.Small(f), &server.Options{Logger: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		assert.Less(t, rec.Code, http.StatusInternalServerError)
		if rec.Code == http.StatusOK {
			assert.True(t, json.Valid(rec.Body.Bytes()), "%q", rec.Body)
		}

		rec = httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/health", nil))
		assert.Equal(t, http.StatusOK, rec.Code)
	})
}
