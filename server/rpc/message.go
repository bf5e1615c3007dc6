package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	segmentio "github.com/segmentio/encoding/json"
)

// newest is the first version that has other methods and other rules for the
// status of an error.
const newest = "2026-07-28"

// methods are the requests of all versions of MCP that a server may get.
var methods = map[string]struct {
	needsParams bool
	since       string
}{
	"initialize":               {needsParams: true},
	"ping":                     {},
	"tools/list":               {},
	"tools/call":               {needsParams: true},
	"prompts/list":             {},
	"prompts/get":              {needsParams: true},
	"resources/list":           {},
	"resources/templates/list": {},
	"resources/read":           {needsParams: true},
	"resources/subscribe":      {needsParams: true},
	"resources/unsubscribe":    {needsParams: true},
	"completion/complete":      {needsParams: true},
	"logging/setLevel":         {needsParams: true},
	"server/discover":          {}, // refused by the SDK before that version
	"subscriptions/listen":     {needsParams: true, since: newest},
}

// message is anything that JSON-RPC has.
type message struct {
	JSONRPC json.RawMessage `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  json.RawMessage `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
}

// call is a request that the SDK may see. A zero call is a message that needs no
// answer: a notification, or the answer to a request that no server made.
type call struct {
	id, params json.RawMessage
	method     string
	// failure is why the SDK may not see it.
	failure *jsonrpc.Error
}

var null = json.RawMessage("null")

func invalid(code int64, format string, args ...any) *jsonrpc.Error {
	return &jsonrpc.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// split returns the messages of a body. A failure is of all of them.
func split(body []byte) (messages []json.RawMessage, batch bool, failure *jsonrpc.Error) {
	// SDKs differ in what they take for JSON. This is what the standard does.
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, false, invalid(jsonrpc.CodeParseError, "parse error: the body must be one JSON value")
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if body[0] != '[' {
		return []json.RawMessage{body}, false, nil
	}
	if _, err := segmentio.Parse(body, &messages, segmentio.DontCopyRawMessage); err != nil {
		return nil, true, invalid(jsonrpc.CodeParseError, "parse error: %v", err)
	}
	return messages, true, nil
}

// read decodes one message, which is JSON, for a version of the protocol.
func read(data json.RawMessage, version string) call {
	var m message
	if data[0] != '{' {
		return call{id: null, failure: invalid(jsonrpc.CodeInvalidRequest, "invalid request: it must be an object")}
	}
	if _, err := segmentio.Parse(data, &m, segmentio.DontMatchCaseInsensitiveStructFields|segmentio.DontCopyRawMessage); err != nil {
		return call{id: null, failure: invalid(jsonrpc.CodeParseError, "parse error: %v", err)}
	}
	c := call{id: m.ID}
	fail := func(code int64, format string, args ...any) call {
		c.failure = invalid(code, format, args...)
		if c.id == nil {
			c.id = null
		}
		return c
	}
	method, isText := text(m.Method)
	answers := m.Method == nil && (m.Result != nil || m.Error != nil)
	switch protocol, _ := text(m.JSONRPC); {
	case m.ID != nil && !isID(m.ID) && !answers:
		c.id = null
		return fail(jsonrpc.CodeInvalidRequest, "invalid request: id must be a text or a number")
	case protocol != "2.0":
		return fail(jsonrpc.CodeInvalidRequest, `invalid request: jsonrpc must be "2.0"`)
	case answers, isText && m.ID == nil:
		return call{}
	case !isText:
		return fail(jsonrpc.CodeInvalidRequest, "invalid request: method must be a text")
	}
	c.method = method
	if string(m.Params) != "null" {
		c.params = m.Params
	}
	switch known, ok := methods[method]; {
	case !ok || version < known.since:
		return fail(jsonrpc.CodeMethodNotFound, "method not found: %.100q", method)
	case c.params == nil && known.needsParams:
		return fail(jsonrpc.CodeInvalidParams, "invalid params: %s needs params", method)
	case c.params != nil && c.params[0] != '{':
		return fail(jsonrpc.CodeInvalidParams, "invalid params: params must be an object")
	}
	return c
}

// isID reports whether JSON is a text or a number.
func isID(data json.RawMessage) bool {
	return data[0] == '"' || data[0] == '-' || data[0] >= '0' && data[0] <= '9'
}

// text is the value of JSON that is a text.
func text(data json.RawMessage) (s string, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(data, '\\') < 0 {
		return string(data[1 : len(data)-1]), true
	}
	return s, json.Unmarshal(data, &s) == nil
}
