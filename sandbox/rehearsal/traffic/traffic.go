package traffic

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Options of a [Load].
type Options struct {
	// Door is the address, host and port, that every connection is dialled to.
	// Required.
	Door string
	// Host is the name that the requests are for, in the TLS handshake and in
	// their Host header. Required.
	Host string
	// RootCAs verify the certificate of Host. Default: the system's.
	RootCAs *x509.CertPool
	// Rate is how many requests to send, per second. Required.
	Rate float64
	// Clients is how many virtual clients share the requests, each with its own
	// address, connections and MCP session. Default 60.
	Clients int
	// ToolShare is the fraction of requests that are MCP calls. Default 0.5;
	// below 0: none.
	ToolShare float64
	// MaxInFlight is how many requests may wait for an answer at once. One more
	// is not sent and counts as failed. Default 2000.
	MaxInFlight int
	// Timeout is how long a request may take, with its retries. Default 10 s.
	Timeout time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Door == "" || o.Host == "" || o.Rate <= 0 {
		return o, fmt.Errorf("door, host and rate are required, got %q, %q and %g", o.Door, o.Host, o.Rate)
	}
	o.Clients = cmp.Or(o.Clients, 60)
	o.ToolShare = cmp.Or(o.ToolShare, 0.5)
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 2000)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	return o, nil
}

// Load sends requests until it is stopped. Its methods are for concurrent use.
type Load struct {
	opts     Options
	mcp      *mcp.Client
	clients  []*client
	agents   []string
	mix      *rand.Rand // the same requests in each run.
	started  time.Time
	interval time.Duration
	ledger   ledger
	sessions atomic.Int64 // that were opened.
	inFlight atomic.Int64

	stop    chan struct{}
	stopped func()
	running sync.WaitGroup
}

// Start asks for the names of the agents, opens the clients' MCP sessions and
// begins to send. The context is for that, not for the load, which runs until
// [Load.Stop].
func Start(ctx context.Context, opts Options) (*Load, error) {
	l, err := prepared(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("starting the load: %w", err)
	}
	l.started = time.Now()
	l.ledger.start(l.started, l.interval)
	l.running.Go(l.run)
	return l, nil
}

// prepared is a load that sends nothing yet.
func prepared(ctx context.Context, opts Options) (*Load, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Load{
		opts:     opts,
		mcp:      mcp.NewClient(&mcp.Implementation{Name: "rehearsal", Version: "1.0"}, nil),
		mix:      rand.New(rand.NewPCG(9, 0)), //nolint:gosec // nothing is secret here.
		interval: time.Duration(float64(time.Second) / opts.Rate),
		stop:     make(chan struct{}),
	}
	l.stopped = sync.OnceFunc(func() { l.ledger.stop(time.Now()); close(l.stop) })
	l.mcp.AddSendingMiddleware(neverKept)
	for i := range opts.Clients {
		l.clients = append(l.clients, newClient(l, i))
	}
	if err := l.prepare(ctx); err != nil {
		l.Stop()
		return nil, err
	}
	return l, nil
}

// neverKept tells the SDK's client not to keep lists, or it would answer most
// calls itself.
func neverKept(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		result, err := next(ctx, method, req)
		if list, ok := result.(*mcp.ListToolsResult); ok && err == nil {
			list.TTLMs = 0
		}
		return result, err
	}
}

// prepare gets what the requests need.
func (l *Load) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	body, err := l.clients[0].get(ctx, "/api/v1/agents", true)
	if err != nil {
		return fmt.Errorf("getting the list of agents: %w", err)
	}
	var list struct{ Agents []struct{ Name string } }
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("reading the list of agents: %w", err)
	}
	for _, agent := range list.Agents {
		l.agents = append(l.agents, agent.Name)
	}
	if len(l.agents) == 0 {
		return errors.New("the server has no agents")
	}
	if l.opts.ToolShare <= 0 {
		return nil
	}
	failed := make([]error, len(l.clients))
	var opening sync.WaitGroup
	for i, c := range l.clients {
		opening.Go(func() { _, failed[i] = c.session(ctx, nil) })
	}
	opening.Wait()
	return cmp.Or(failed...)
}

// run sends the requests by the clock.
func (l *Load) run() {
	clock := time.NewTimer(0)
	defer clock.Stop()
	for n := 0; ; n++ {
		clock.Reset(time.Until(l.ledger.due(n)))
		select {
		case <-l.stop:
			return
		case <-clock.C:
			l.send(n)
		}
	}
}

// send sends a request without waiting for its answer.
func (l *Load) send(n int) {
	l.ledger.begin()
	kind, do := l.choose(l.mix)
	if l.inFlight.Add(1) > int64(l.opts.MaxInFlight) {
		l.inFlight.Add(-1)
		l.ledger.end(n, kind, errOverloaded, false, 0)
		return
	}
	l.running.Go(func() {
		defer l.inFlight.Add(-1)
		ctx, attempts := counted(context.Background())
		ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
		defer cancel()
		err := do(ctx, l.clients[n%len(l.clients)])
		l.ledger.end(n, kind, err, attempts.bad.Load(), int(attempts.retries.Load()))
	})
}

// choose makes up a request: mostly for an agent, a tenth each for the lists.
func (l *Load) choose(mix *rand.Rand) (kind string, do func(context.Context, *client) error) {
	agent, tenth := l.agents[mix.IntN(len(l.agents))], mix.IntN(10)
	if mix.Float64() < l.opts.ToolShare {
		if tenth == 0 {
			return "tools/list", listTools
		}
		return "get_agent " + agent, func(ctx context.Context, c *client) error { return getAgent(ctx, c, agent) }
	}
	path := "/api/v1/agents/" + agent
	switch tenth {
	case 0:
		path = "/api/v1/manifest"
	case 1:
		path = "/api/v1/commands"
	}
	return http.MethodGet + " " + path, func(ctx context.Context, c *client) error {
		_, err := c.get(ctx, path, false)
		return err
	}
}

// Started is when the first request was due.
func (l *Load) Started() time.Time { return l.started }

// Sessions is how many MCP sessions were opened because another one had died.
func (l *Load) Sessions() int { return max(int(l.sessions.Load())-len(l.clients), 0) }

// Stop ends the load, waits for what is in flight, at most for the timeout, and
// closes all sessions and connections.
func (l *Load) Stop() {
	l.stopped()
	l.running.Wait()
	for _, c := range l.clients {
		c.close()
	}
}
