package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

const (
	callsPerSecond = 200
	patience       = time.Minute // for what takes a second when the machine is not busy
)

// running is the program while it serves.
type running struct {
	url  string
	logs *output
	stop func() (code int)
}

// start serves with a database and returns when it is healthy.
func start(t *testing.T, environ ...string) running {
	t.Helper()
	port := freePort(t)
	environ = append([]string{
		"PORT=" + port, "CODEFLOW_METRICS_PORT=0", "CODEFLOW_BUNDLE=" + bundleDir(t, bundletest.Small(t)), "CODEFLOW_PUBLIC=true",
		"CODEFLOW_BREAKER_TIMEOUT=200ms", "CODEFLOW_DRAIN_NOTICE=0s", "LOG_LEVEL=warn",
	}, environ...)
	code, stdout, stderr := execute(t.Context(), []string{"migrate", "up"}, environ)
	require.Equal(t, exitOK, code, stdout+stderr)

	ctx, cancel := context.WithCancel(t.Context())
	r := running{url: "http://127.0.0.1:" + port, logs: &output{}}
	done := make(chan int, 1)
	go func() { done <- run(ctx, nil, environ, io.NopCloser(strings.NewReader("")), r.logs, r.logs) }()
	r.stop = sync.OnceValue(func() int { cancel(); return <-done })
	t.Cleanup(func() { r.stop() })
	r.eventually(t, http.StatusOK, "healthy", "closed")
	return r
}

// eventually waits until /health gives an answer.
func (r running) eventually(t *testing.T, status int, want, breaker string) {
	t.Helper()
	var body string
	require.Eventually(t, func() bool {
		resp, err := http.Get(r.url + "/health")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		body = string(data)
		return resp.StatusCode == status && strings.Contains(body, `"status":"`+want+`","timestamp"`) && strings.Contains(body, `"breaker":"`+breaker+`"`)
	}, patience, 10*time.Millisecond, "%s, %s; last: %s", want, breaker, body)
}

// load calls a tool at a constant rate until it is stopped, and returns how
// often that was. No call may fail.
func (r running) load(t *testing.T) (stop func() (calls int64)) {
	t.Helper()
	const body = `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_agent", "arguments": {"name": "seo-master"}}}`
	var calls atomic.Int64
	var wg sync.WaitGroup
	call := func() {
		req, err := http.NewRequest(http.MethodPost, r.url+"/mcp", strings.NewReader(body))
		assert.NoError(t, err)
		req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
		resp, err := http.DefaultClient.Do(req)
		if !assert.NoError(t, err) {
			return
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		assert.NoError(t, err)
		assert.Contains(t, string(data), "name: seo-master")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		calls.Add(1)
	}
	done := make(chan struct{})
	wg.Go(func() {
		ticker := time.NewTicker(time.Second / callsPerSecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				wg.Go(call)
			}
		}
	})
	stop = sync.OnceValue(func() int64 { close(done); wg.Wait(); return calls.Load() })
	t.Cleanup(func() { stop() })
	return stop
}

// count returns how many uses the database has.
func count(t *testing.T, url string) (uses int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM usage_events WHERE kind = 'agent' AND name = 'seo-master'").Scan(&uses))
	return uses
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	environ := []string{"DATABASE_URL=" + server.URL()}
	for _, step := range []struct{ args, want string }{
		{"migrate up", "1"}, {"migrate down", "1"}, {"migrate up", "1"}, {"migrate status", "1"}, {"migrate to 0", "1"},
	} {
		code, stdout, stderr := execute(t.Context(), strings.Fields(step.args), environ)
		require.Equal(t, exitOK, code, stderr)
		assert.Contains(t, stdout, step.want, step.args)
	}
	code, _, stderr := execute(t.Context(), []string{"migrate", "sideways"}, environ)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "sideways")

	// A task that need not have the database starts without it; a person is told.
	optional := func(url string) (code int, stdout string) {
		code, stdout, _ = execute(t.Context(), []string{"migrate", ifReachable}, []string{"DATABASE_URL=" + url, "CODEFLOW_COLOR=blue"})
		return code, stdout
	}
	code, stdout := optional(server.URL())
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stdout, "schema is at version 1")
	server.Exec("CREATE ROLE person LOGIN PASSWORD 'known'")
	wrong := server.UserURL("person", "old", "postgres")
	server.SetPassword("person", "new")
	denied := server.UserURL("person", "new", "postgres")
	code, _ = optional(denied)
	assert.Equal(t, exitFailure, code, "the database's answer is no outage")
	skipped := func(url string) {
		code, stdout := optional(url)
		assert.Equal(t, exitOK, code, stdout)
		assert.Regexp(t, `"level":"ERROR","msg":"not migrated: the database cannot be reached",.*"color":"blue"`, stdout)
		assert.NotContains(t, stdout, "old@")
	}
	skipped(wrong)
	server.Stop()
	skipped(server.URL())
	code, _, _ = execute(t.Context(), []string{"migrate", "up"}, environ)
	assert.Equal(t, exitFailure, code)
}

// TestDatabaseOutage stops and starts the database under load: clients notice
// nothing, and no use is lost.
func TestDatabaseOutage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		required, want string
		status         int
	}{{"false", "degraded", http.StatusOK}, {"true", "unhealthy", http.StatusServiceUnavailable}} {
		t.Run("required "+tc.required, func(t *testing.T) {
			t.Parallel()
			postgres := postgrestest.Start(t)
			r := start(t, "DATABASE_URL="+postgres.URL(), "CODEFLOW_REQUIRE_DATABASE="+tc.required)
			stopLoad := r.load(t)
			time.Sleep(500 * time.Millisecond)
			postgres.Stop()
			r.eventually(t, tc.status, tc.want, "open")
			postgres.Start()
			r.eventually(t, http.StatusOK, "healthy", "closed")
			time.Sleep(500 * time.Millisecond)
			calls := stopLoad()
			require.Equal(t, exitOK, r.stop(), r.logs)
			assert.Equal(t, calls, count(t, postgres.URL()))
			t.Logf("%d calls, none failed, all counted", calls)
			for _, want := range []string{`"to":"open"`, `"to":"closed"`, "database cannot be used"} {
				assert.Contains(t, r.logs.String(), want)
			}
		})
	}
}

// TestTokensOfASecret serves whoever has a token of the secret.
func TestTokensOfASecret(t *testing.T) {
	t.Parallel()
	token, hash := guard.NewToken()
	arn := secrets.ARN("eu-central-1")
	secrets.Put(arn, hash)
	port, logs := freePort(t), &output{}
	environ := []string{
		"PORT=" + port, "CODEFLOW_METRICS_PORT=0", "CODEFLOW_BUNDLE=" + bundleDir(t, bundletest.Small(t)), "CODEFLOW_TOKENS_SECRET_ARN=" + arn,
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- run(ctx, nil, environ, io.NopCloser(strings.NewReader("")), logs, logs) }()
	answer := func(token string) int {
		req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/api/v1/agents", nil)
		assert.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	assert.Eventually(t, func() bool { return answer(token) == http.StatusOK }, patience, 10*time.Millisecond)
	assert.Equal(t, http.StatusUnauthorized, answer("another"))
	cancel()
	assert.Equal(t, exitOK, <-done)
	assert.NotContains(t, logs.String(), token)
	assert.NotContains(t, logs.String(), hash)
}
