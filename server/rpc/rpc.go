package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/compress"
)

const (
	versionHeader = "Mcp-Protocol-Version"
	// batches are in the versions before it; a client that names none has the last of those.
	withoutBatches = "2025-06-18"

	// maxBatch is how many messages a batch may have, decodes how many requests
	// the SDK may work on at once: for one it takes 70 times the body's bytes.
	maxBatch = 32
	decodes  = 8
	// maxWait is how long a request waits for that.
	maxWait = 10 * time.Second
	// maxAnswer bounds one answer, and all answers of a batch together, in bytes.
	maxAnswer = 2 << 20
)

// Options are the optional settings of [New].
type Options struct {
	// Begin is called before a call goes to the SDK, and returns the request that
	// goes there. What else it returns is called afterwards. The answer may be
	// given again if that returns a function, which is then called each time.
	// Default: nothing is remembered.
	Begin func(*http.Request) (_ *http.Request, done func() (again func(*http.Request, string)))
}

type handler struct {
	Options
	sdk    http.Handler
	slots  chan struct{}
	memory memory
}

// New returns a handler that answers with an SDK's stateless handler for JSON.
// Who may ask, and with how large a body, is the caller's to check.
func New(sdk http.Handler, opts Options) http.Handler {
	if opts.Begin == nil {
		opts.Begin = func(r *http.Request) (*http.Request, func() func(*http.Request, string)) {
			return r, func() func(*http.Request, string) { return nil }
		}
	}
	return &handler{Options: opts, sdk: sdk, slots: make(chan struct{}, decodes), memory: newMemory()}
}

// Refuse answers a request whose id is not known with an error of JSON-RPC.
func Refuse(w http.ResponseWriter, status int, code int64, message string) {
	failed(status, invalid(code, "%s", message)).write(w, null)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		// There are no sessions to stream in or to end.
		w.Header().Set("Allow", http.MethodPost)
		Refuse(w, http.StatusMethodNotAllowed, jsonrpc.CodeInvalidRequest, "only POST is served")
		return
	case !strings.EqualFold(mediaType(first(r, "Content-Type")), "application/json"):
		Refuse(w, http.StatusUnsupportedMediaType, jsonrpc.CodeInvalidRequest, "Content-Type must be application/json")
		return
	case !acceptsJSON(r.Header["Accept"]):
		Refuse(w, http.StatusNotAcceptable, jsonrpc.CodeInvalidRequest, "answers are application/json: Accept must allow that")
		return
	}
	body, err := whole(r.Body)
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		Refuse(w, status, jsonrpc.CodeInvalidRequest, err.Error())
		return
	}
	messages, batch, failure := split(body)
	version := first(r, versionHeader)
	switch {
	case failure != nil:
	case batch && version >= withoutBatches:
		failure = invalid(jsonrpc.CodeInvalidRequest, "invalid request: version %.20s of the protocol has no batches", version)
	case batch && (len(messages) == 0 || len(messages) > maxBatch):
		failure = invalid(jsonrpc.CodeInvalidRequest, "invalid request: a batch must have 1 to %d messages, got %d", maxBatch, len(messages))
	}
	if failure != nil {
		failed(http.StatusBadRequest, failure).write(w, null)
		return
	}
	if batch {
		h.batch(w, r, messages)
		return
	}
	c := read(messages[0], version)
	if c.id == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h.answer(r, c).writeTo(w, c.id, compress.Taken(r))
}

// whole returns a body, without a copy where that is in memory.
func whole(body io.Reader) ([]byte, error) {
	if b, ok := body.(interface{ Bytes() []byte }); ok {
		return b.Bytes(), nil
	}
	return io.ReadAll(body)
}

// batch answers messages one after the other, and writes each answer when it is
// there: no more than one is in memory.
func (h *handler) batch(w http.ResponseWriter, r *http.Request, messages []json.RawMessage) {
	written := 0
	for _, data := range messages {
		c := read(data, first(r, versionHeader))
		if c.id == nil {
			continue
		}
		switch {
		case c.failure != nil:
		case c.method == "initialize":
			c.failure = invalid(jsonrpc.CodeInvalidRequest, "invalid request: initialize must not be in a batch")
		case written > maxAnswer:
			c.failure = tooLarge
		}
		separator := ","
		if written == 0 {
			w.Header()["Content-Type"] = jsonType
			separator = "["
		}
		a := h.answer(r, c)
		for _, part := range [][]byte{[]byte(separator), a.head(c.id), a.rest} {
			n, err := w.Write(part)
			if written += n; err != nil {
				return // the client went away
			}
		}
	}
	if written == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	_, _ = io.WriteString(w, "]")
}

var (
	tooLarge = invalid(jsonrpc.CodeInternalError, "the answer would be larger than %d bytes: ask for less at once", maxAnswer)
	jsonType = []string{"application/json"}
	encoding = []string{"gzip"}
)

// answer is what is written for a call: rest follows the id. An event stream has
// its own form.
type answer struct {
	status int
	rest   []byte
	stream bool
	tail   compress.Tail // of rest, where the answer is remembered
}

func failed(status int, failure *jsonrpc.Error) answer {
	data, _ := json.Marshal(failure) // its data is JSON
	return answer{status: status, rest: fmt.Appendf(nil, `"error":%s}`, data)}
}

var supported = mcp.SupportedProtocolVersions()

// answer answers a call.
func (h *handler) answer(r *http.Request, c call) answer {
	version := first(r, versionHeader)
	switch readable := c.failure == nil || c.failure.Code != jsonrpc.CodeInvalidRequest; {
	case readable && version != "" && !slices.Contains(supported, version):
		data, _ := json.Marshal(mcp.UnsupportedProtocolVersionData{Supported: supported, Requested: version})
		return failed(http.StatusBadRequest, &jsonrpc.Error{
			Code: mcp.CodeUnsupportedProtocolVersion, Message: "unsupported protocol version", Data: data,
		})
	case c.failure != nil:
		return failed(status(c.failure.Code, version), c.failure)
	}
	key := key(r, c)
	if known, ok := h.memory.answers.Get(key); ok && key != "" {
		known.again(r, c.method)
		return known.answer
	}
	if !h.take(r.Context()) {
		return failed(http.StatusServiceUnavailable, invalid(jsonrpc.CodeInternalError, "the server is busy"))
	}
	defer func() { <-h.slots }()
	begun, done := h.Begin(r)
	a := h.ask(begun, c)
	if r.Context().Err() != nil {
		return a // nobody waits for it, and the SDK may still be at work
	}
	if again := done(); key != "" && again != nil && a.status == http.StatusOK && !a.stream && len(a.rest) <= maxRemembered {
		a.rest = bytes.Clone(a.rest) // without the space behind it
		a.tail = compress.NewTail(a.rest)
		h.memory.answers.Add(key, known{a, again})
	}
	return a
}

// take waits for a slot, if need be, but not so long that the answer could not be
// written any more.
func (h *handler) take(ctx context.Context) bool {
	select {
	case h.slots <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// status is that of an error of JSON-RPC: an answer like any other before the
// newest version, except where the message cannot be read.
func status(code int64, version string) int {
	switch {
	case code == jsonrpc.CodeParseError, code == jsonrpc.CodeInvalidRequest, code == jsonrpc.CodeInvalidParams && version >= newest:
		return http.StatusBadRequest
	case code == jsonrpc.CodeMethodNotFound && version >= newest:
		return http.StatusNotFound
	}
	return http.StatusOK
}

// ask gives the SDK a call with an id that it cannot change.
func (h *handler) ask(r *http.Request, c call) answer {
	const start, begin = `{"jsonrpc":"2.0","id":1,`, `"io.modelcontextprotocol/subscriptionId":`
	body := fmt.Appendf(nil, `%s"method":%q`, start, c.method) // a known one: there is nothing to escape
	if c.params != nil {
		body = append(append(body, `,"params":`...), c.params...)
	}
	r = r.WithContext(r.Context()) // a copy
	r.Header = maps.Clone(r.Header)
	r.Header["Accept"], r.Header["Content-Type"] = []string{"application/json, text/event-stream"}, jsonType
	delete(r.Header, "Last-Event-Id")
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(append(body, '}'))), int64(len(body)+1)
	rec := &recorder{header: http.Header{}, status: http.StatusOK, most: maxAnswer}
	h.sdk.ServeHTTP(rec, r)

	said := rec.body.Bytes()
	rest, ok := bytes.CutPrefix(said, []byte(start))
	switch {
	case rec.cut:
		return failed(http.StatusOK, tooLarge)
	case strings.HasPrefix(rec.header.Get("Content-Type"), "text/event-stream"):
		id := string(c.id)
		return answer{status: rec.status, stream: true, rest: []byte(strings.NewReplacer(start, `{"jsonrpc":"2.0","id":`+id+`,`, begin+"1", begin+id).Replace(string(said)))}
	case !ok && rec.status >= http.StatusBadRequest && rec.status < http.StatusInternalServerError:
		// It has errors in words, such as one of JSON that is nested too deeply.
		return failed(rec.status, invalid(jsonrpc.CodeInvalidRequest, "%s", bytes.TrimSpace(said)))
	case !ok:
		return failed(http.StatusOK, invalid(jsonrpc.CodeInternalError, "internal error"))
	}
	// Where it could not read the parameters, some errors of the SDK have no code.
	if untold, ok := bytes.CutPrefix(rest, []byte(`"error":{"code":0,`)); ok {
		rest = fmt.Appendf(nil, `"error":{"code":%d,%s`, jsonrpc.CodeInvalidParams, untold)
	}
	return answer{status: rec.status, rest: rest}
}

// head is what an answer begins with, until its rest.
func (a answer) head(id json.RawMessage) []byte {
	if a.stream {
		return nil
	}
	return append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), ',')
}

// write writes the whole answer to a request.
func (a answer) write(w http.ResponseWriter, id json.RawMessage) { a.writeTo(w, id, false) }

// writeTo writes it as gzip where that is taken and made.
func (a answer) writeTo(w http.ResponseWriter, id json.RawMessage, zipped bool) {
	head, header := a.head(id), w.Header()
	header["Content-Type"] = jsonType
	if a.stream {
		header["Content-Type"] = []string{"text/event-stream"}
	}
	if zipped {
		if member := a.tail.After(head); member != nil {
			header["Content-Encoding"] = encoding
			head, a.rest = member, nil
		}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(head) + len(a.rest))}
	if a.status == http.StatusServiceUnavailable {
		header["Retry-After"] = []string{"1"}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(head)
	_, _ = w.Write(a.rest)
}

// first is the value of a header, whose name is in canonical form.
func first(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// mediaType is a header's value without its parameters.
func mediaType(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.TrimSpace(value)
}

// acceptsJSON reports whether a client takes JSON: most that do not say so do.
func acceptsJSON(accept []string) bool {
	for _, value := range accept {
		for each := range strings.SplitSeq(value, ",") {
			switch strings.ToLower(mediaType(each)) {
			case "application/json", "application/*", "*/*":
				return true
			}
		}
	}
	return len(strings.Join(accept, "")) == 0
}

// recorder keeps what the SDK answers, up to a bound.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	most   int // bytes that are kept
	cut    bool
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(p []byte) (int, error) {
	if r.cut = r.cut || r.body.Len()+len(p) > r.most; r.cut {
		return len(p), nil
	}
	return r.body.Write(p)
}

// Flush implements [http.Flusher], without which the SDK does not answer.
func (*recorder) Flush() {}
