// Package smoke asks a colour on its own name, before it gets traffic, whether it is
// the release that it should be, and whether it answers clients.
//
// Start at [Run].
package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// attemptTimeout bounds one attempt, in which a task may be starting.
	attemptTimeout = 15 * time.Second
	// maxBody bounds what is read of an answer, in bytes.
	maxBody = 4 << 20
	// maxQuote bounds what is quoted of a bad answer, in bytes.
	maxQuote = 200
)

// Options say what the service should be.
type Options struct {
	// URL of the service, such as https://blue.codeflow.example.com.
	URL string
	// Digest is the digest of the bundle that it should serve: the stack's output
	// bundleDigest.
	Digest string
	// Color that it should be. Default: any.
	Color string
	// Token is sent as a bearer token to all but /health. Default: none.
	Token string
	// AllowDegraded passes a service whose database cannot be used.
	AllowDegraded bool
	// Timeout is for how long checks that fail are tried again; each is tried once in
	// any case. Default 5 minutes.
	Timeout time.Duration
	// Pause is the time between two attempts. Default 3 seconds.
	Pause time.Duration
	// Transport sends the requests. Default: [http.DefaultTransport].
	Transport http.RoundTripper
}

// Check is one thing that was asked.
type Check struct {
	Name     string
	Attempts int
	Took     time.Duration
	// Found is what the service answered, in words.
	Found string
	// Err is why it failed the last time; nil when it passed.
	Err error
}

// Report is what was found out.
type Report []Check

// Err is nil when all checks passed.
func (r Report) Err() error {
	var failed []string
	for _, c := range r {
		if c.Err != nil {
			failed = append(failed, c.Name)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("the service failed %d of %d checks: %s", len(failed), len(r), strings.Join(failed, ", "))
}

// WriteText writes a line for each check.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, c := range r {
		result, found := "pass", c.Found
		if c.Err != nil {
			result, found = "FAIL", c.Err.Error()
		}
		fmt.Fprintf(&b, "%s  %-7s %s (attempt %d, %s)\n", result, c.Name, found, c.Attempts, c.Took.Round(100*time.Millisecond))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// service is the one that is asked.
type service struct {
	Options
	client *http.Client
}

// Run asks the service until each check passed or the time is over. An error is one
// of the options; what the service does wrong is in the report.
func Run(ctx context.Context, opts Options) (Report, error) {
	base, err := url.Parse(opts.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || strings.Trim(base.Path, "/") != "" {
		return nil, fmt.Errorf("url must be like https://blue.example.com, got %q", opts.URL)
	}
	if !strings.HasPrefix(opts.Digest, "sha256:") {
		return nil, fmt.Errorf("digest must be the stack's output bundleDigest, sha256:…, got %q", opts.Digest)
	}
	if opts.Token != "" && base.Scheme == "http" && base.Hostname() != "127.0.0.1" && base.Hostname() != "localhost" {
		return nil, fmt.Errorf("url must be https to send a token there, got %q", opts.URL)
	}
	opts.URL = base.Scheme + "://" + base.Host
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Minute
	}
	if opts.Pause == 0 {
		opts.Pause = 3 * time.Second
	}
	s := &service{Options: opts, client: &http.Client{
		Transport: bearer{opts.Token, opts.Transport},
		// A token is for the service alone, and no route of it leads elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	deadline := time.Now().Add(opts.Timeout)
	var report Report
	for _, check := range []struct {
		name string
		ask  func(context.Context) (string, error)
	}{{"health", s.health}, {"mcp", s.protocol}, {"api", s.api}} {
		report = append(report, s.try(ctx, deadline, check.name, check.ask))
	}
	return report, nil
}

// try asks at least once, also when the checks before took all the time, and again
// until it passes or the time is over.
func (s *service) try(ctx context.Context, deadline time.Time, name string, ask func(context.Context) (string, error)) Check {
	c, start := Check{Name: name}, time.Now()
	for {
		c.Attempts++
		c.Found, c.Err = s.once(ctx, ask)
		c.Took = time.Since(start)
		if c.Err == nil || ctx.Err() != nil || time.Now().Add(s.Pause).After(deadline) {
			return c
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.Pause):
		}
	}
}

func (s *service) once(ctx context.Context, ask func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return ask(ctx)
}

// bearer sends a token with all requests.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" && r.URL.Path != "/health" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	if b.next != nil {
		return b.next.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// get reads the JSON at a path, which must be answered with 200.
func (s *service) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %.*q", path, response.Status, maxQuote, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answered no JSON of its own: %w", path, err)
	}
	return nil
}

// health is the right bundle and colour, served well.
func (s *service) health(ctx context.Context) (string, error) {
	var h struct{ Status, Version, BundleDigest, Color string }
	if err := s.get(ctx, "/health", &h); err != nil {
		return "", err
	}
	switch {
	case h.BundleDigest != s.Digest:
		return "", fmt.Errorf("bundleDigest must be %s, got %q: the release is not rolled out, or was rolled back", s.Digest, h.BundleDigest)
	case s.Color != "" && h.Color != s.Color:
		return "", fmt.Errorf("color must be %s, got %q: the name leads to another service", s.Color, h.Color)
	case h.Status != "healthy" && (h.Status != "degraded" || !s.AllowDegraded):
		return "", fmt.Errorf("status must be healthy, got %q: see the log of the service", h.Status)
	}
	return fmt.Sprintf("%s %s, version %s, bundle %s", h.Color, h.Status, h.Version, h.BundleDigest), nil
}

// tools are some that clients cannot do without.
var tools = []string{"list_agents", "get_agent"}

// protocol is what an MCP client does first.
func (s *service) protocol(ctx context.Context) (string, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "codeflow-smoke", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: s.URL + "/mcp", HTTPClient: s.client, MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		return "", fmt.Errorf("initialize: %w", err)
	}
	defer func() { _ = session.Close() }()
	listed, err := session.ListTools(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("tools/list: %w", err)
	}
	for _, name := range tools {
		if !slices.ContainsFunc(listed.Tools, func(tool *mcp.Tool) bool { return tool.Name == name }) {
			return "", fmt.Errorf("tools/list has %d tools, without %q", len(listed.Tools), name)
		}
	}
	return fmt.Sprintf("protocol %s, %d tools", session.InitializeResult().ProtocolVersion, len(listed.Tools)), nil
}

// api reads the first agent, as it is in the bundle.
func (s *service) api(ctx context.Context) (string, error) {
	var m struct{ BundleDigest string }
	var all struct{ Agents []struct{ Name string } }
	if err := errors.Join(s.get(ctx, "/api/v1/manifest", &m), s.get(ctx, "/api/v1/agents", &all)); err != nil {
		return "", err
	}
	if m.BundleDigest != s.Digest {
		return "", fmt.Errorf("the manifest's bundleDigest must be %s, got %q: tasks of two releases answer", s.Digest, m.BundleDigest)
	}
	if len(all.Agents) == 0 {
		return "", errors.New("/api/v1/agents lists no agents")
	}
	var agent struct{ Name, Text string }
	if err := s.get(ctx, "/api/v1/agents/"+url.PathEscape(all.Agents[0].Name), &agent); err != nil {
		return "", err
	}
	if agent.Name != all.Agents[0].Name || agent.Text == "" {
		return "", fmt.Errorf("agent %q must have its name and text, got the name %q and %d bytes", all.Agents[0].Name, agent.Name, len(agent.Text))
	}
	return fmt.Sprintf("%d agents, %s has %d bytes", len(all.Agents), agent.Name, len(agent.Text)), nil
}
