//go:build linux

// These tests load servers in the same process. They do not prove what the load
// costs, nor that it stands a door and load balancers between.
package traffic_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

// TestMain fails when goroutines of a load outlive it.
func TestMain(m *testing.M) {
	code := m.Run()
	ours := regexp.MustCompile(`rehearsal/traffic\.|http\.\(\*persistConn\)|go-sdk/`)
	for deadline := time.Now().Add(10 * time.Second); code == 0; time.Sleep(50 * time.Millisecond) {
		var left []string
		stacks := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if ours.MatchString(stack) && !strings.Contains(stack, "TestMain") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			fmt.Printf("%d goroutines are left:\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// rate of the loads, which the race detector makes expensive.
const rate = 50

// server is the API and the MCP server of two agents, which misbehaves on demand.
type server struct {
	*httptest.Server
	// fault is tried on each request that the load sends, while faults are left.
	// It returns false for requests that it leaves alone.
	fault  func(http.ResponseWriter, *http.Request) bool
	faults atomic.Int64
	conns  atomic.Int64

	mu        sync.Mutex
	addresses map[string]int
	asked     map[string]int
}

type agentArgs struct {
	Name string `json:"name"`
}

func serve(t *testing.T, fault func(http.ResponseWriter, *http.Request) bool) *server {
	t.Helper()
	s := &server{fault: fault, addresses: map[string]int{}, asked: map[string]int{}}
	m := mcp.NewServer(&mcp.Implementation{Name: "test"}, &mcp.ServerOptions{
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) { c.TTLMs = 60_000 },
	})
	m.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			s.count(s.asked, method)
			return next(ctx, method, req)
		}
	})
	mcp.AddTool(m, &mcp.Tool{Name: "get_agent"}, func(_ context.Context, _ *mcp.CallToolRequest, args agentArgs) (*mcp.CallToolResult, any, error) {
		if args.Name == "broken" {
			return nil, nil, errors.New("this agent is broken")
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "text of " + args.Name}}}, nil, nil
	})
	mux := http.NewServeMux()
	mux.Handle("POST /mcp", mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return m },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true}))
	for path, body := range map[string]string{
		"agents": `{"agents":[{"name":"builder"},{"name":"broken"}]}`, "agents/{name}": "{}", "manifest": "{}", "commands": "{}",
	} {
		mux.HandleFunc("GET /api/v1/"+path, func(w http.ResponseWriter, r *http.Request) {
			s.count(s.asked, r.Pattern)
			fmt.Fprint(w, body)
		})
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		s.count(s.addresses, host)
		if s.faults.Add(-1) >= 0 && s.fault(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) count(counts map[string]int, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts[key]++
}

func (s *server) options() traffic.Options {
	opts := traffic.Options{
		Door: s.Listener.Addr().String(), Host: "example.com", RootCAs: x509.NewCertPool(), Rate: rate, Clients: 2,
		Timeout: time.Minute, // the machine may be busy.
	}
	opts.RootCAs.AddCert(s.Certificate())
	return opts
}

func (s *server) start(t *testing.T, change func(*traffic.Options)) *traffic.Load {
	t.Helper()
	opts := s.options()
	if change != nil {
		change(&opts)
	}
	load, err := traffic.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(load.Stop)
	return load
}

func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, http.StatusText(code), code)
		return true
	}
}

// whole are the totals of all requests.
func whole(load *traffic.Load) traffic.Totals {
	return load.Totals(load.Started(), time.Now().Add(time.Hour))
}

// wait waits until a number of requests was sent since a time.
func wait(t *testing.T, load *traffic.Load, since time.Time, sent int) {
	t.Helper()
	require.Eventually(t, func() bool { return load.Totals(since, time.Now()).Sent >= sent }, time.Minute, 10*time.Millisecond)
}

// good leaves out the agent whose tool call fails: it asks the API alone.
func good(o *traffic.Options) { o.ToolShare = -1 }

func TestSteady(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	load := s.start(t, nil)
	wait(t, load, load.Started(), 2*rate)
	load.Stop()

	all := whole(load)
	middle := load.Totals(load.Started().Add(100*time.Millisecond), load.Started().Add(1100*time.Millisecond))
	assert.Equal(t, rate, middle.Sent, "of a second in the middle")
	assert.InDelta(t, rate, load.Rate(), rate/2)
	assert.Less(t, s.conns.Load(), int64(all.Sent), "connections are used again")
	assert.Equal(t, all.Sent, all.Done)
	assert.Zero(t, all.Retried)
	assert.Positive(t, all.P50)
	assert.LessOrEqual(t, all.P50, all.P95)
	assert.LessOrEqual(t, all.P95, all.P99)
	assert.Zero(t, load.Sessions())

	var sum traffic.Totals
	for i, w := range load.Windows() {
		assert.Equal(t, load.Started().Add(time.Duration(i)*traffic.WindowWidth), w.Start)
		sum.Sent, sum.Done, sum.Failed = sum.Sent+w.Sent, sum.Done+w.Done, sum.Failed+w.Failed
	}
	assert.Equal(t, []int{all.Sent, all.Done, all.Failed}, []int{sum.Sent, sum.Done, sum.Failed})

	assert.Len(t, s.addresses, 2)
	assert.Positive(t, s.addresses["127.9.1.1"])
	assert.Positive(t, s.addresses["127.9.1.2"])
	for _, asked := range []string{"tools/list", "tools/call", "GET /api/v1/agents/{name}", "GET /api/v1/manifest", "GET /api/v1/commands"} {
		assert.Positive(t, s.asked[asked], asked)
	}
	tools := s.asked["tools/call"] + s.asked["tools/list"]
	assert.InDelta(t, 0.5, float64(tools)/float64(all.Sent), 0.15)
	assert.Greater(t, s.asked["tools/list"], 2, "the clients' own caches answer nothing")

	failures := load.Failures()
	assert.NotEmpty(t, failures, "isError is a failure")
	assert.Zero(t, all.Lost, "the tool answered")
	for _, f := range failures {
		assert.Equal(t, "get_agent broken", f.Kind)
		assert.Contains(t, f.What, "this agent is broken")
		assert.False(t, f.At.Before(load.Started()))
	}
	assert.Empty(t, load.Failures(), "they were taken")
}

func TestRetries(t *testing.T) {
	t.Parallel()
	const faults = 5
	for name, tc := range map[string]struct {
		fault   func(http.ResponseWriter, *http.Request) bool
		retried int // 0: net/http retries by itself where it can.
	}{
		"502":            {status(502), faults},
		"503":            {status(503), faults},
		"504":            {status(504), faults},
		"connection cut": {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, 0},
		"answer cut": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half of ")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, faults},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) bool { return tc.fault(w, r) })
			load := s.start(t, func(o *traffic.Options) { o.ToolShare = 1 })
			wait(t, load, load.Started(), rate/5)
			s.faults.Store(faults)
			wait(t, load, load.Started(), rate)
			load.Stop()
			for _, f := range load.Failures() {
				assert.Contains(t, f.What, "this agent is broken")
			}
			all := whole(load)
			assert.Equal(t, all.Sent, all.Done)
			assert.LessOrEqual(t, all.Retried, faults)
			if tc.retried > 0 {
				assert.Equal(t, tc.retried, all.Retried)
			}
			assert.Zero(t, load.Sessions(), "no session died")
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	s := serve(t, status(500))
	load := s.start(t, good)
	wait(t, load, load.Started(), rate/5)
	s.faults.Store(5)
	wait(t, load, load.Started(), rate/2)
	load.Stop()
	all := whole(load)
	assert.Equal(t, 5, all.Failed)
	assert.Zero(t, all.Lost, "a server answered")
	assert.Empty(t, load.Lost(load.Started(), time.Now()))
	assert.Zero(t, all.Retried, "500 is not retried")
	failures := load.Failures()
	require.Len(t, failures, 5)
	assert.Contains(t, failures[0].Kind, "GET /api/v1/")
	assert.Equal(t, "500 Internal Server Error", failures[0].What)
	slices.SortFunc(failures, func(a, b traffic.Failure) int { return a.At.Compare(b.At) })
	first, last := failures[0].At, failures[4].At
	assert.Equal(t, 5, load.Totals(first, last.Add(1)).Failed, "they count where they were due")
	assert.Equal(t, 4, load.Totals(first, last).Failed)
	assert.Zero(t, load.Totals(last, first), "an interval that is none")
}

func TestDown(t *testing.T) {
	t.Parallel()
	s := serve(t, status(503))
	load := s.start(t, nil)
	s.faults.Store(1 << 40)
	from := time.Now()
	wait(t, load, from, rate/2)
	load.Stop()
	down := load.Totals(from, time.Now())
	assert.Positive(t, down.Sent)
	assert.Equal(t, down.Sent, down.Failed)
	assert.Equal(t, down.Sent, down.Lost)
	assert.Equal(t, 3*down.Sent, down.Retried)
	assert.Zero(t, down.P95)
	assert.Len(t, load.Failures(), 20)
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(time.Second)
		return false
	})
	load := s.start(t, good)
	s.faults.Store(1 << 40)
	wait(t, load, load.Started(), 2*rate)
	assert.InDelta(t, rate, load.Rate(), rate/2, "late answers hold nothing back")
	load.Stop()
	all := whole(load)
	assert.Zero(t, all.Failed)
	assert.Equal(t, all.Sent, all.Done)
	assert.GreaterOrEqual(t, all.P50, time.Second)
}

func TestOverload(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client is gone.
		<-r.Context().Done()
		return true
	})
	load := s.start(t, func(o *traffic.Options) { o.ToolShare, o.MaxInFlight, o.Timeout = 1, 5, time.Second })
	s.faults.Store(1 << 40)
	from := time.Now()
	wait(t, load, from, rate/2)
	load.Stop()
	all := load.Totals(from, time.Now())
	assert.Equal(t, all.Sent, all.Failed, "five wait for the timeout")
	assert.Equal(t, all.Sent, all.Lost)
	waited := 0
	for _, span := range load.Lost(from, time.Now()) {
		assert.False(t, span.From.Before(from))
		if span.To.Sub(span.From) >= time.Second {
			waited++
		}
	}
	assert.Positive(t, waited, "those that were sent were given up when the time was over")
	assert.Less(t, load.Rate(), rate/2.0, "what is not sent is no load")
	overloaded := 0
	for _, f := range load.Failures() {
		if strings.HasPrefix(f.What, "overloaded") {
			overloaded++
		}
	}
	assert.GreaterOrEqual(t, overloaded, 10)
}

func TestDeadSessions(t *testing.T) {
	t.Parallel()
	s := serve(t, status(404))
	load := s.start(t, func(o *traffic.Options) { o.ToolShare, o.Clients = 1, 1 })
	s.faults.Store(1)
	require.Eventually(t, func() bool { return load.Sessions() == 1 }, time.Minute, 10*time.Millisecond)
	opened := time.Now()
	wait(t, load, opened, rate/2)
	load.Stop()
	assert.Equal(t, 1, load.Sessions())
	dead := 0
	for _, f := range load.Failures() {
		if !strings.Contains(f.What, "this agent is broken") {
			assert.Contains(t, f.What, "Not Found", "what was in flight fails with the session")
			assert.True(t, f.At.Before(opened))
			dead++
		}
	}
	assert.Positive(t, dead)
}

// TestConnectionsAreKept has a client of each protocol, whose connections only the
// server ends.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var ended sync.Map // by protocol
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Connection", "close")
		ended.Store(r.ProtoMajor, true)
		return false
	})
	load := s.start(t, good)
	wait(t, load, load.Started(), rate)
	kept := s.conns.Load()
	s.faults.Store(4)
	require.Eventually(t, func() bool { return s.faults.Load() <= 0 }, time.Minute, 10*time.Millisecond)
	wait(t, load, time.Now(), rate/2)
	load.Stop()
	assert.LessOrEqual(t, kept, int64(rate/2), "connections are used again")
	assert.Greater(t, s.conns.Load(), kept)
	for _, protocol := range []int{1, 2} {
		_, ok := ended.Load(protocol)
		assert.True(t, ok, "HTTP/%d", protocol)
	}
	assert.Zero(t, whole(load).Failed)
}

func TestBorne(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(100 * time.Millisecond)
		return false
	})
	s.faults.Store(1 << 40)
	opts := s.options()
	opts.Clients, opts.ToolShare = 4, -1
	borne, in, err := traffic.Borne(t.Context(), opts, 2*time.Second)
	require.NoError(t, err)
	assert.Positive(t, borne)
	assert.LessOrEqual(t, borne, 42.0, "four clients wait 0.1 s for each answer")
	assert.Equal(t, 2*time.Second, in.To.Sub(in.From))
	assert.False(t, time.Now().Before(in.To))

	bad := serve(t, status(500))
	bad.faults.Store(1 << 40)
	_, _, err = traffic.Borne(t.Context(), bad.options(), time.Second)
	require.ErrorContains(t, err, "measuring what the machine bears: getting the list of agents: 500")
	_, _, err = traffic.Borne(t.Context(), traffic.Options{}, time.Second)
	require.ErrorContains(t, err, "required")
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	_, err := traffic.Start(t.Context(), traffic.Options{Door: "127.0.0.1:1", Rate: 1})
	require.ErrorContains(t, err, "required")
	_, err = traffic.Start(t.Context(), traffic.Options{Door: "127.0.0.1:1", Host: "example.com", Rate: 1})
	require.ErrorContains(t, err, "refused")
}
