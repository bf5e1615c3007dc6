package mcpserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	segmentio "github.com/segmentio/encoding/json"
)

// Bounds of a [memory]: at most 16 MiB of answers, of short requests.
const (
	maxAnswers = 256
	maxAnswer  = 64 << 10
	maxRequest = 2 << 10
)

// remembered are the methods whose answers depend on the bundle and on their
// parameters alone.
var remembered = []string{
	"tools/list", "tools/call", "prompts/list", "prompts/get",
	"resources/list", "resources/templates/list", "resources/read", "completion/complete",
}

// identifying are the headers that the SDK looks at, besides what is asked.
var identifying = []string{"Accept", "Content-Type", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name"}

// memory gives the SDK's own answers again: neither a bundle nor a server
// changes while it is served, and most of a request's cost is encoding the same
// text anew. What differs from one request to the next, its id, is filled in.
type memory struct {
	Options
	next    http.Handler
	answers *lru.Cache[string, answer]
}

type answer struct {
	contentType []string
	result      json.RawMessage
	use         use
}

func remember(next http.Handler, o Options) http.Handler {
	answers, _ := lru.New[string, answer](maxAnswers) // fails for sizes below 1
	return &memory{Options: o, next: next, answers: answers}
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
	call, key := identify(r, body)
	if err != nil || key == "" {
		m.next.ServeHTTP(w, r)
		return
	}
	if known, ok := m.answers.Get(key); ok {
		m.repeat(w, r, call, known)
		return
	}
	var u use
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	m.next.ServeHTTP(rec, r.WithContext(withUse(r.Context(), &u)))
	if u.succeeded && rec.status == http.StatusOK && rec.body.Len() <= maxAnswer {
		var response struct{ Result json.RawMessage }
		if json.Unmarshal(rec.body.Bytes(), &response) == nil && response.Result != nil {
			m.answers.Add(key, answer{rec.header["Content-Type"], response.Result, u})
		}
	}
	rec.copyTo(w)
}

// repeat answers a call with what is known, and tells of it as [Options.observe] does.
func (m *memory) repeat(w http.ResponseWriter, r *http.Request, call call, known answer) {
	start := time.Now()
	_, done := m.Observe(r.Context(), call.Method)
	text := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(text)
	text.Reset()
	text.WriteString(`{"jsonrpc":"2.0","id":`)
	text.Write(call.ID)
	text.WriteString(`,"result":`)
	text.Write(known.result)
	text.WriteString(`}`)
	w.Header()["Content-Type"] = known.contentType
	w.Header()["Content-Length"] = []string{strconv.Itoa(text.Len())}
	_, _ = w.Write(text.Bytes()) // at once: each write of its own would be a system call
	done(known.use.name, false)
	m.record(known.use, start, r.UserAgent())
}

// buffers are for answers: one a request would keep the garbage collector busy.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// call is a request as JSON-RPC has it.
type call struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// idRE matches the ids that are the same however they are written again.
var idRE = regexp.MustCompile(`^(?:0|[1-9][0-9]{0,14}|"[\w:.-]*")$`)

// identify returns the call in a request, and what tells it from others that
// get another answer: "" when that cannot be told. It reads JSON as the SDK does.
func identify(r *http.Request, body []byte) (c call, key string) {
	if r.Method != http.MethodPost || len(body) > maxRequest {
		return c, ""
	}
	const flags = segmentio.DontMatchCaseInsensitiveStructFields | segmentio.DisallowUnknownFields
	rest, err := segmentio.Parse(body, &c, flags)
	if err != nil || len(bytes.TrimSpace(rest)) > 0 || c.JSONRPC != "2.0" || !idRE.Match(c.ID) || !slices.Contains(remembered, c.Method) {
		return c, ""
	}
	var b strings.Builder
	for _, name := range identifying {
		for _, value := range r.Header[name] {
			b.WriteString(value)
			b.WriteByte(0)
		}
		b.WriteByte(1)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Mcp-") && !slices.Contains(identifying, name) {
			return c, ""
		}
	}
	b.WriteString(c.Method)
	b.WriteByte(0)
	b.Write(c.Params)
	return c, b.String()
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// Flush implements [http.Flusher], without which the SDK does not answer.
func (*recorder) Flush() {}

func (r *recorder) copyTo(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(r.body.Len()))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}

// broken is the end of a body that could not be read whole.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}
