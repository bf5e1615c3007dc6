package traffic

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// backoffs are the waits before the retries, each give or take a quarter.
var backoffs = []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}

// dialTimeout bounds connecting and, again, the TLS handshake.
const dialTimeout = 5 * time.Second

// client is a virtual client.
type client struct {
	load  *Load
	from  net.Dialer
	tls   *tls.Config
	http2 bool
	conns atomic.Pointer[http.Transport]

	mu      sync.Mutex
	current *mcp.ClientSession // nil: none is open.
}

// oldProtocol is how many clients there are for one that speaks HTTP/1.1.
const oldProtocol = 4

func newClient(l *Load, i int) *client {
	c := &client{load: l, http2: i%oldProtocol != 0, from: net.Dialer{
		Timeout:   dialTimeout,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, byte(1+i/250), byte(1+i%250))},
	}, tls: &tls.Config{
		RootCAs: l.opts.RootCAs, ServerName: l.opts.Host, MinVersion: tls.VersionTLS12,
		// Handshakes cost the most here: sessions are resumed, and ML-KEM left out.
		ClientSessionCache: tls.NewLRUClientSessionCache(1), CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}}
	c.conns.Store(c.connect())
	return c
}

// connect returns connections that are kept until the server ends them.
func (c *client) connect() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return c.from.DialContext(ctx, network, c.load.opts.Door)
		},
		TLSClientConfig: c.tls.Clone(), TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: c.http2,
		MaxIdleConnsPerHost: c.load.opts.MaxInFlight, DisableCompression: true,
	}
}

// random is a time of up to d.
func random(d time.Duration) time.Duration { return rand.N(d + 1) } //nolint:gosec // nothing is secret here.

// renew replaces connections, unless that was done already.
func (c *client) renew(old *http.Transport) {
	if c.conns.CompareAndSwap(old, c.connect()) {
		old.CloseIdleConnections()
	}
}

// attempts are those of a request of the load.
type attempts struct {
	retries atomic.Int32
	bad     atomic.Bool // the last one: a server answered with an error, or the tool did.
}

type attemptsKey struct{}

// counted has the attempts of a request noted.
func counted(ctx context.Context) (context.Context, *attempts) {
	a := &attempts{}
	return context.WithValue(ctx, attemptsKey{}, a), a
}

// attemptsOf are noted in vain where nobody asked.
func attemptsOf(ctx context.Context) *attempts {
	if a, ok := ctx.Value(attemptsKey{}).(*attempts); ok {
		return a
	}
	return &attempts{}
}

// retrier is a client's transport. It retries what did not reach a server or
// found none, on another connection: all that is sent are reads. It reads whole
// bodies, so that it also retries when a connection ends amid one: not for
// streams.
type retrier struct {
	*client
	keep bool // the bodies of answers: false drops them.
}

func (r retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	for n := 0; ; n++ {
		conns := r.conns.Load()
		resp, err := r.try(conns, req)
		attemptsOf(ctx).bad.Store(err == nil && resp.StatusCode >= http.StatusBadRequest && !transient(resp.StatusCode))
		if n == len(backoffs) || ctx.Err() != nil || err == nil && !transient(resp.StatusCode) {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return resp, err
		case <-time.After(backoffs[n]*3/4 + random(backoffs[n]/2)):
		}
		attemptsOf(ctx).retries.Add(1)
		r.renew(conns)
		req = req.Clone(ctx)
		if req.GetBody != nil { // the SDK's and net/http's own requests have it.
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func transient(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// try sends a request once and reads the answer.
func (r retrier) try(conns *http.Transport, req *http.Request) (*http.Response, error) {
	resp, err := conns.RoundTrip(req)
	if err == nil {
		var body bytes.Buffer
		if r.keep {
			body.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead)
			_, err = body.ReadFrom(resp.Body)
		} else {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(&body)
	}
	if conns != r.conns.Load() {
		conns.CloseIdleConnections() // it was replaced meanwhile.
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// get reads from the API and returns the body, if that is to be kept. Anything but
// a 200 is an error.
func (c *client) get(ctx context.Context, path string, keep bool) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.load.opts.Host+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := retrier{c, keep}.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body) // of what is in memory.
}

func listTools(ctx context.Context, c *client) error {
	return c.call(ctx, func(s *mcp.ClientSession) error {
		_, err := s.ListTools(ctx, nil)
		return err
	})
}

func getAgent(ctx context.Context, c *client, agent string) error {
	return c.call(ctx, func(s *mcp.ClientSession) error {
		result, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "get_agent", Arguments: map[string]string{"name": agent}})
		if err == nil && result.IsError {
			text, _ := json.Marshal(result.Content) // it was decoded from JSON.
			attemptsOf(ctx).bad.Store(true)
			return fmt.Errorf("the tool failed: %s", text)
		}
		return err
	})
}

// call calls in the client's session, or in a new one when that has died.
func (c *client) call(ctx context.Context, do func(*mcp.ClientSession) error) error {
	s, err := c.session(ctx, nil)
	if err != nil {
		return err
	}
	if err = do(s); !errors.Is(err, mcp.ErrConnectionClosed) {
		return err
	}
	attemptsOf(ctx).retries.Add(1)
	if s, err = c.session(ctx, s); err != nil {
		return err
	}
	return do(s)
}

// session returns a session that is not dead. The first one or the one that
// replaces a dead one is opened here.
func (c *client) session(ctx context.Context, dead *mcp.ClientSession) (*mcp.ClientSession, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current != dead {
		return c.current, nil
	}
	c.current = nil
	if dead != nil { // closing it may wait.
		c.load.running.Go(func() { _ = dead.Close() })
	}
	opened, err := c.load.mcp.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: "https://" + c.load.opts.Host + "/mcp", HTTPClient: &http.Client{Transport: retrier{c, true}},
		MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("opening an MCP session: %w", err)
	}
	c.load.sessions.Add(1)
	c.current = opened
	return opened, nil
}

// close ends the session and the connections.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		_ = c.current.Close() // a stateless server need not know.
		c.current = nil
	}
	c.conns.Load().CloseIdleConnections()
}
