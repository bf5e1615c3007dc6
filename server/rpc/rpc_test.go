// These tests stand a server of the SDK's behind the layer. What the project
// itself serves is tested in mcpserver.
package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/rpc"
)

// sdk is a server with one tool, echo, which says what it is given.
func sdk() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ServerOptions{
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	type args struct {
		Text  string `json:"text,omitempty"`
		Times int    `json:"times,omitempty"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "echo"}, func(_ context.Context, _ *mcp.CallToolRequest, in args) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: strings.Repeat(in.Text, max(in.Times, 1))}}}, nil, nil
	})
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, MaxRequestBodyBytes: -1,
	})
}

// post sends a body. Headers are names and values by turns; "" leaves one out.
func post(handler http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

func ping(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"method":"ping"}` }

// fault is the beginning of an answer with an error.
func fault(id string, code int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":"`, id, code)
}

func pong(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":{}}` }

const newest = "2026-07-28"

// TestAnswers says what is answered to bodies, to good ones and to all else.
func TestAnswers(t *testing.T) {
	t.Parallel()
	handler := rpc.New(sdk(), rpc.Options{})
	for name, tc := range map[string]struct {
		body, version string
		status        int
		want          string // the beginning of the answer; all of it if it ends in }
	}{
		"id":                   {ping("1"), "", 200, pong("1")},
		"id 0":                 {ping("0"), "", 200, pong("0")},
		"negative":             {ping("-7"), "", 200, pong("-7")},
		"beyond 2^53":          {ping("9007199254740993"), "", 200, pong("9007199254740993")},
		"beyond 2^63":          {ping("123456789012345678901234567890"), "", 200, pong("123456789012345678901234567890")},
		"a fraction":           {ping("1.5"), "", 200, pong("1.5")},
		"an exponent":          {ping("1E+2"), "", 200, pong("1E+2")},
		"beyond all":           {ping("1e999"), "", 200, pong("1e999")},
		"text":                 {ping(`"a"`), "", 200, pong(`"a"`)},
		"no text":              {ping(`""`), "", 200, pong(`""`)},
		"text with escapes":    {ping(`"\u0061\/\u2028\ud83d\ude00 <&>"`), "", 200, pong(`"\u0061\/\u2028\ud83d\ude00 <&>"`)},
		"half a character":     {ping(`"\ud83d"`), "", 200, pong(`"\ud83d"`)},
		"text like a number":   {ping(`"1"`), "", 200, pong(`"1"`)},
		"two ids":              {`{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`, "", 200, pong("2")},
		"other keys":           {`{"jsonrpc":"2.0","id":1,"method":"ping","extra":[1]}`, "", 200, pong("1")},
		"blanks":               {" \r\n\t" + ping("1") + "\n\n", "", 200, pong("1")},
		"escapes":              {`{"json\u0072pc":"2\u002e0","id":1,"method":"p\u0069ng"}`, "", 200, pong("1")},
		"params null":          {`{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, "", 200, pong("1")},
		"id last":              {`{"method":"ping","jsonrpc":"2.0","id":"z"}`, "", 200, pong(`"z"`)},
		"error of a tool's":    {`{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"x"}}`, "", 200, fault("1.5", -32602) + `unknown tool`},
		"params of wrong type": {`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":1}}`, "", 200, fault("7", -32602)},
		"initialize, no text":  {`{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":1}}`, "", 200, fault("7", -32602)},

		"unknown method":         {`{"jsonrpc":"2.0","id":7,"method":"tasks/list"}`, "", 200, fault("7", -32601) + `method not found: \"tasks/list\""}}`},
		"a client's method":      {`{"jsonrpc":"2.0","id":7,"method":"roots/list"}`, "2025-06-18", 200, fault("7", -32601)},
		"unknown, newest":        {`{"jsonrpc":"2.0","id":7,"method":"foo/bar"}`, newest, 404, fault("7", -32601)},
		"no method":              {`{"jsonrpc":"2.0","id":7,"method":""}`, "", 200, fault("7", -32601)},
		"another case":           {`{"jsonrpc":"2.0","id":7,"method":"Ping"}`, "", 200, fault("7", -32601)},
		"notification as call":   {`{"jsonrpc":"2.0","id":7,"method":"notifications/initialized"}`, "", 200, fault("7", -32601)},
		"method of the newest":   {`{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{}}}`, "2025-11-25", 200, fault("7", -32601)},
		"discover before it":     {`{"jsonrpc":"2.0","id":7,"method":"server/discover"}`, "", 200, fault("7", -32601)},
		"params missing":         {`{"jsonrpc":"2.0","id":"p","method":"tools/call"}`, "", 200, fault(`"p"`, -32602)},
		"params missing, newest": {`{"jsonrpc":"2.0","id":"p","method":"tools/call","params":null}`, newest, 400, fault(`"p"`, -32602)},
		"params a list":          {`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":[]}`, "", 200, fault("7", -32602)},
		"params a text":          {`{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}`, "", 200, fault("7", -32602)},

		"notification":         {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", 202, ""},
		"any notification":     {`{"jsonrpc":"2.0","method":"notifications/foo","params":[1]}`, "", 202, ""},
		"not even that":        {`{"jsonrpc":"2.0","method":"foo"}`, newest, 202, ""},
		"call without id":      {`{"jsonrpc":"2.0","method":"tools/list"}`, "", 202, ""},
		"answer":               {`{"jsonrpc":"2.0","id":1,"result":{}}`, "", 202, ""},
		"answer with an error": {`{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}`, "", 202, ""},

		"nothing":              {"", "", 400, fault("null", -32700)},
		"blanks only":          {" \n", "", 400, fault("null", -32700)},
		"half":                 {`{"jsonrpc":`, "", 400, fault("null", -32700)},
		"two messages":         {ping("1") + ping("2"), "", 400, fault("null", -32700)},
		"two lines":            {ping("1") + "\n" + ping("2"), "", 400, fault("null", -32700)},
		"something behind":     {ping("1") + "x", "", 400, fault("null", -32700)},
		"no UTF-8":             {ping("\"\xff\""), "", 400, fault("null", -32700)},
		"byte order mark":      {"\ufeff" + ping("1"), "", 400, fault("null", -32700)},
		"NaN":                  {ping("NaN"), "", 400, fault("null", -32700)},
		"zero before":          {ping("01"), "", 400, fault("null", -32700)},
		"deeper than can be":   {ping(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), "", 400, fault("null", -32700)},
		"deep":                 {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}}`, "", 400, fault("1", -32600)},
		"number":               {"5", "", 400, fault("null", -32600)},
		"text, no message":     {`"x"`, "", 400, fault("null", -32600)},
		"null":                 {"null", "", 400, fault("null", -32600)},
		"empty object":         {"{}", "", 400, fault("null", -32600)},
		"no version":           {`{"id":1,"method":"ping"}`, "", 400, fault("1", -32600)},
		"version 1":            {`{"jsonrpc":"1.0","id":"a","method":"ping"}`, "", 400, fault(`"a"`, -32600)},
		"version a number":     {`{"jsonrpc":2.0,"id":1,"method":"ping"}`, "", 400, fault("1", -32600)},
		"key in another case":  {`{"jsonrpc":"2.0","id":1,"Method":"ping"}`, "", 400, fault("1", -32600)},
		"id null":              {ping("null"), "", 400, fault("null", -32600)},
		"id an object":         {ping(`{"a":1}`), "", 400, fault("null", -32600)},
		"id a boolean":         {ping("true"), "", 400, fault("null", -32600)},
		"method a number":      {`{"jsonrpc":"2.0","id":1,"method":7}`, "", 400, fault("1", -32600)},
		"no method, no result": {`{"jsonrpc":"2.0","id":1}`, "", 400, fault("1", -32600)},

		"later version":          {ping("1"), "2027-01-01", 400, `{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"unsupported protocol version","data":{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2027-01-01"}}}`},
		"later, unknown method":  {`{"jsonrpc":"2.0","id":1,"method":"new/thing"}`, "2027-01-01", 400, fault("1", -32022)},
		"draft":                  {`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "DRAFT-2026-v1", 400, fault("1", -32022)},
		"version of nobody":      {ping("1"), "1999-01-01", 400, fault("1", -32022)},
		"later, notification":    {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "2027-01-01", 202, ""},
		"later, no message":      {"{", "2027-01-01", 400, fault("null", -32700)},
		"newest, no meta":        {ping("1"), newest, 400, fault("1", -32602)},
		"batch":                  {"[" + ping("1") + "," + ping(`"b"`) + "]", "", 200, "[" + pong("1") + "," + pong(`"b"`) + "]"},
		"batch, same ids":        {"[" + ping("1") + "," + ping("1") + "]", "2025-03-26", 200, "[" + pong("1") + "," + pong("1") + "]"},
		"batch of one":           {"[" + ping("1") + "]", "2024-11-05", 200, "[" + pong("1") + "]"},
		"batch of notifications": {`[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":{}}]`, "", 202, ""},
		"batch with one call":    {`[{"jsonrpc":"2.0","method":"a"},` + ping("1") + "]", "", 200, "[" + pong("1") + "]"},
		"batch, some wrong":      {"[1," + ping("null") + "," + ping("2") + "]", "", 200, "[" + fault("null", -32600)},
		"batch to begin with":    {`[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]`, "", 200, "[" + fault("1", -32600)},
		"batch of nothing":       {"[]", "", 400, fault("null", -32600)},
		"batch of 32":            {"[" + strings.Repeat(ping("1")+",", 31) + ping("2") + "]", "", 200, "[" + strings.Repeat(pong("1")+",", 31) + pong("2") + "]"},
		"batch of 33":            {"[" + strings.Repeat(ping("1")+",", 32) + ping("2") + "]", "", 400, fault("null", -32600)},
		"batch later":            {"[" + ping("1") + "]", "2025-06-18", 400, fault("null", -32600)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := post(handler, tc.body, "Mcp-Protocol-Version", tc.version)
			got := rec.Body.String()
			assert.Equal(t, tc.status, rec.Code, got)
			switch {
			case tc.want == "":
				assert.Empty(t, got)
				return
			case strings.HasSuffix(tc.want, "}") || strings.HasSuffix(tc.want, "]"):
				assert.Equal(t, tc.want, got)
			default:
				assert.True(t, strings.HasPrefix(got, tc.want), "%s: want %s", got, tc.want)
			}
			assert.True(t, json.Valid(rec.Body.Bytes()), got)
			assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		})
	}
}

// TestHTTP says which requests are looked at.
func TestHTTP(t *testing.T) {
	t.Parallel()
	handler := rpc.New(sdk(), rpc.Options{})
	for _, tc := range []struct {
		name, value string
		status      int
	}{
		{"Accept", "application/json", 200},
		{"Accept", "", 200},
		{"Accept", "*/*", 200},
		{"Accept", "Application/*;q=0.5", 200},
		{"Accept", "text/html, */*;q=0.1", 200},
		{"Accept", "text/event-stream, application/json", 200},
		{"Accept", "text/event-stream", 406},
		{"Accept", "text/html", 406},
		{"Content-Type", "application/json; charset=utf-8", 200},
		{"Content-Type", "APPLICATION/JSON", 200},
		{"Content-Type", "text/plain", 415},
		{"Content-Type", "", 415},
		{"Last-Event-ID", "x", 200},
		{"Mcp-Session-Id", "made up", 200},
	} {
		rec := post(handler, ping("1"), tc.name, tc.value)
		assert.Equal(t, tc.status, rec.Code, "%s: %s", tc.name, tc.value)
		assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		if tc.status != 200 {
			assert.True(t, strings.HasPrefix(rec.Body.String(), fault("null", -32600)), rec.Body)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodPut, http.MethodOptions} {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(method, "/mcp", nil))
		assert.Equal(t, http.StatusMethodNotAllowed, rec.Code, method)
		assert.Equal(t, "POST", rec.Header().Get("Allow"))
		assert.True(t, json.Valid(rec.Body.Bytes()), rec.Body)
	}
}

// TestSubscriptions: the SDK answers with a stream, in which the id is several times.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	rec := post(rpc.New(sdk(), rpc.Options{}),
		`{"jsonrpc":"2.0","id":9007199254740993,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`,
		"Mcp-Protocol-Version", newest, "Mcp-Method", "subscriptions/listen")
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Equal(t, "text/event-stream", rec.Header().Get("Content-Type"))
	assert.Contains(t, rec.Body.String(), `"io.modelcontextprotocol/subscriptionId":9007199254740993`)
	assert.Contains(t, rec.Body.String(), `{"jsonrpc":"2.0","id":9007199254740993,"result":`)
}

func echo(text string, times int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":%q,"times":%d}}}`, text, times)
}

// TestAnswersAreBounded, one and those of a batch together.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	handler := rpc.New(sdk(), rpc.Options{})
	rec := post(handler, echo("x", 3<<20))
	assert.True(t, strings.HasPrefix(rec.Body.String(), fault("1", -32603)+"the answer would be larger than 2097152 bytes"), "%.100s", rec.Body)

	rec = post(handler, "["+strings.Repeat(echo("x", 1<<20)+",", 31)+ping("2")+"]")
	var answers []struct{ Error *struct{ Code int } }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answers))
	require.Len(t, answers, 32)
	for i, answer := range answers {
		assert.Equal(t, i >= 2, answer.Error != nil, i)
	}
	assert.Less(t, rec.Body.Len(), 3<<20)
}

// TestSlots: no more than 8 requests are in the SDK at once, the others wait,
// and those whose clients went away do not, nor longer than 10 s.
func TestSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inside, most, served atomic.Int32
		release := make(chan struct{})
		handler := rpc.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-release
			inside.Add(-1)
			served.Add(1)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		}), rpc.Options{})
		for range 20 {
			go post(handler, ping("1"))
		}
		synctest.Wait()
		assert.Equal(t, int32(8), most.Load())
		gone, leave := context.WithCancel(t.Context())
		leave()
		r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(ping("1"))).WithContext(gone)
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
		waiting := make(chan *httptest.ResponseRecorder, 1)
		go func() { waiting <- post(handler, ping("2")) }()
		time.Sleep(9 * time.Second)
		for range 8 {
			release <- struct{}{} // 8 more that wait
		}
		rec = <-waiting
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code, "after 10 s")
		assert.Equal(t, "1", rec.Header().Get("Retry-After"))
		assert.Contains(t, rec.Body.String(), `"id":2`)
		synctest.Wait()
		close(release)
		synctest.Wait()
		assert.Equal(t, int32(16), served.Load(), "the last four of 20 waited too long, too")
		assert.Equal(t, int32(8), most.Load())
	})
}

// TestAnswersThatAreNone: whatever is wrong behind the layer, clients get JSON-RPC.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusOK:                  fault("1", -32603) + `internal error"}}`,
		http.StatusBadRequest:          fault("1", -32600) + `because"}}`,
		http.StatusInternalServerError: fault("1", -32603) + `internal error"}}`,
	} {
		rec := post(rpc.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "because", status)
		}), rpc.Options{}), ping("1"))
		assert.Equal(t, want, rec.Body.String())
		assert.Less(t, rec.Code, http.StatusInternalServerError)
	}
}
