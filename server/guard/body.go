package guard

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	// bodyTimeout is for a whole body. Those that are short come with the headers, and
	// in the server's time for these.
	bodyTimeout = 5 * time.Second
	// smallBody is how much of a body is read before it counts: as much as
	// net/http keeps for each connection anyway.
	smallBody = 4 << 10
	// bodyBudget is how many bytes the larger bodies in flight may have together.
	bodyBudget = 16 << 20
	// bodiesEach is how many larger bodies a client may send at once.
	bodiesEach = 16
)

// bodies reads what clients send, before a request takes a slot: who sends
// slowly keeps nobody waiting.
type bodies struct {
	max   int64
	large *limit
}

func newBodies(maxBody int64) bodies {
	return bodies{maxBody, newLimit(int(max(bodyBudget/maxBody, 1)), bodiesEach)}
}

var errBusy = errors.New("the server is busy")

// read replaces the body of a request with one in memory. The caller calls release
// when the request was answered.
func (b bodies) read(w http.ResponseWriter, r *http.Request, client netip.Prefix) (release func(), err error) {
	release = func() {}
	switch {
	case r.ContentLength == 0 || r.Body == nil:
		return release, nil
	case r.ContentLength > b.max:
		return release, &http.MaxBytesError{Limit: b.max}
	}
	var data []byte
	if n := r.ContentLength; n > 0 && n <= smallBody {
		data = make([]byte, n)
		_, err = io.ReadFull(r.Body, data)
	} else {
		data, release, err = b.readLarge(w, r, client)
	}
	if err != nil {
		return release, err
	}
	r.Body, r.ContentLength = whole{bytes.NewBuffer(data)}, int64(len(data))
	return release, nil
}

// readLarge reads a body that may be a large one, in a time of its own.
func (b bodies) readLarge(w http.ResponseWriter, r *http.Request, client netip.Prefix) (_ []byte, release func(), err error) {
	release = func() {}
	deadlines := http.NewResponseController(w) // tests have none
	_ = deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	rest := http.MaxBytesReader(w, r.Body, b.max)
	data := new(bytes.Buffer)
	if _, err = io.CopyN(data, rest, smallBody); err == nil {
		if !b.large.take(client) {
			return nil, release, errBusy
		}
		release = func() { b.large.release(client) }
		data.Grow(max(int(r.ContentLength)-data.Len(), 0) + bytes.MinRead)
		_, err = data.ReadFrom(rest)
	}
	if errors.Is(err, io.EOF) {
		err = nil
		_ = deadlines.SetReadDeadline(time.Time{}) // what follows is the next request
	}
	return data.Bytes(), release, err
}

// whole is a body in memory, whose Bytes need no copy.
type whole struct{ *bytes.Buffer }

// Close implements [io.Closer].
func (whole) Close() error { return nil }

// linger ends the connection after the answer to a body that nobody reads, but half
// a second later: a client that is still sending gets the answer and no reset.
// net/http waits so after its own [http.MaxBytesReader] was exceeded, here by a byte
// that nobody sent: reading the body would wait for it, and tell a client that waits
// for 100 Continue to send it.
func linger(w http.ResponseWriter) {
	for {
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = wrapped.Unwrap()
	}
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
	w.Header().Set("Connection", "close")
}

// refusal is what a body that could not be read is answered with.
func refusal(err error) (status int, reason, message string) {
	switch {
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, ReasonBusy, err.Error()
	case errors.As(err, new(*http.MaxBytesError)):
		return http.StatusRequestEntityTooLarge, ReasonBody, err.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, ReasonBody, "the body must be sent within " + bodyTimeout.String()
	}
	return http.StatusBadRequest, ReasonBody, "the body cannot be read"
}
