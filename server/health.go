package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	// healthTTL is for how long an answer of /health is good.
	healthTTL = time.Second
	// checkTimeout bounds a check. It stays well below the load balancer's 5 s.
	checkTimeout = 2 * time.Second
	// maxHealthBody bounds what [CheckHealth] quotes of an unhealthy answer.
	maxHealthBody = 1 << 10
)

// Values of a status. Only an unhealthy server answers 503: ECS replaces a task
// whose check fails, which helps nobody when all that fails is a database that
// only the counting of uses needs.
const (
	statusHealthy   = "healthy"
	statusDegraded  = "degraded"
	statusUnhealthy = "unhealthy"
	statusOff       = "off"
)

// Database is what /health asks about the database.
type Database struct {
	// Check returns an error when the database cannot be used.
	Check func(ctx context.Context) error
	// Breaker is the state of its circuit breaker.
	Breaker func() string
	// Required makes the server unhealthy without the database; it is degraded otherwise.
	Required bool
}

type healthBody struct {
	Status       string `json:"status"`
	Timestamp    string `json:"timestamp"`
	Version      string `json:"version"`
	BundleDigest string `json:"bundleDigest"`
	Color        string `json:"color"`
	Draining     bool   `json:"draining,omitempty"`
	Checks       struct {
		Database check `json:"database"`
		Bundle   check `json:"bundle"`
	} `json:"checks"`
}

type check struct {
	Status  string `json:"status"`
	Breaker string `json:"breaker,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// health answers /health. Its answer is kept for a second, so that many who ask
// cost no more than one.
type health struct {
	color, bundleDigest string
	bundle              check
	database            *Database
	log                 *slog.Logger

	draining atomic.Bool
	answer   atomic.Pointer[answer]
	mu       sync.Mutex // held by who makes the next answer
	reason   string     // why the database could not be used last time, without digits
}

type answer struct {
	state  string
	status int
	body   []byte
	length []string
	until  time.Time
}

func newHealth(o Options, bundleDigest string, bundle error) *health {
	h := &health{color: o.Color, bundleDigest: bundleDigest, database: o.Database, log: o.Logger, bundle: check{Status: statusHealthy}}
	if bundle != nil {
		h.bundle = check{Status: statusUnhealthy, Reason: bundle.Error()}
	}
	return h
}

// drain makes the server unhealthy from now on.
func (h *health) drain() { h.draining.Store(true) }

var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
)

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := h.current(r.Context())
	if x, ok := w.(interface{ Expected() }); ok && h.draining.Load() {
		x.Expected() // each deployment stops servers: no reason for an alarm
	}
	header := w.Header()
	header["Content-Type"], header["Cache-Control"], header["Content-Length"] = jsonType, noStore, a.length
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// current returns an answer that is still good, without waiting if there is one.
func (h *health) current(ctx context.Context) *answer {
	a := h.answer.Load()
	if a == nil || time.Now().After(a.until) || h.draining.Load() {
		a = h.next(ctx)
	}
	return a
}

// next returns an answer that is still good, after making it if need be.
func (h *health) next(ctx context.Context) *answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	draining := h.draining.Load()
	if a := h.answer.Load(); a != nil && time.Now().Before(a.until) && !draining {
		return a
	}
	body := healthBody{
		Status: statusHealthy, Version: Version, BundleDigest: h.bundleDigest, Color: h.color, Draining: draining,
	}
	body.Checks.Bundle, body.Checks.Database = h.bundle, check{Status: statusOff}
	if h.database != nil {
		body.Checks.Database = h.checkDatabase(ctx)
	}
	status := http.StatusOK
	switch {
	case draining || h.bundle.Status != statusHealthy || body.Checks.Database.Status == statusUnhealthy:
		body.Status, status = statusUnhealthy, http.StatusServiceUnavailable
	case body.Checks.Database.Status == statusDegraded:
		body.Status = statusDegraded
	}
	now := time.Now()
	body.Timestamp = now.UTC().Format(time.RFC3339)
	data, _ := json.Marshal(body) // a struct of texts
	a := &answer{state: body.Status, status: status, body: data, length: []string{strconv.Itoa(len(data))}, until: now.Add(healthTTL)}
	h.answer.Store(a)
	return a
}

// checkDatabase asks the database, on behalf of everybody and not only of who
// asked. Anybody may read the answer, so details go to the log, once.
func (h *health) checkDatabase(ctx context.Context) check {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	c, reason := check{Status: statusHealthy}, ""
	if err := h.database.Check(ctx); err != nil {
		c = check{Status: statusDegraded, Reason: "the database cannot be used: see the log"}
		if h.database.Required {
			c.Status = statusUnhealthy
		}
		reason = err.Error()
	}
	c.Breaker = h.database.Breaker()
	if kind := strings.Map(noDigit, reason); kind != h.reason {
		h.reason = kind
		if reason != "" {
			h.log.Warn("database cannot be used", "error", reason)
		} else {
			h.log.Info("database can be used again")
		}
	}
	return c
}

// noDigit drops addresses and ports: the same failure has others each time.
func noDigit(r rune) rune {
	if unicode.IsDigit(r) {
		return -1
	}
	return r
}

// CheckHealth asks the server at baseURL for /health and returns an error
// unless it answers 200. It ignores proxy settings: it is the health check of
// the container that it runs in.
func CheckHealth(ctx context.Context, baseURL string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/health", nil)
	if err != nil {
		return fmt.Errorf("checking health: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("checking health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxHealthBody))
		return fmt.Errorf("checking health: %s answered %s: %s", req.URL, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
