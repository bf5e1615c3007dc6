//go:build linux

// These tests do to the compiled server what attackers do, within seconds and
// on loopback only. After each the server must answer /health at once, and it
// must never have taken more memory than stated. They do not prove that it stands
// traffic that fills a network.
package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/load"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

const (
	mb = 1 << 20
	// most is what no attack may bring the memory to, atAll what the system gives
	// the process: beyond that it ends.
	most, atAll = 256 * mb, 512 * mb
	largestBody = 64 << 10
)

func TestAbuse(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	server := build(t)
	_, hash := guard.NewToken()
	for _, tc := range []struct {
		name  string
		limit int64 // of the server's memory, afterwards
		abuse func(t *testing.T, victim contender)
		flags []string
	}{
		{"slow headers", 64 * mb, slowHeaders, nil},
		{"unfinished headers", most, unfinishedHeaders, nil},
		{"idle connections", 160 * mb, idleConnections, nil},
		{"large bodies", 64 * mb, largeBodies, nil},
		{"large headers", 64 * mb, largeHeaders, nil},
		{"malformed requests", 64 * mb, malformed, nil},
		{"wrong tokens", 64 * mb, wrongTokens, []string{"-tokens", hash}},
		{"calls in a batch", most, callsInABatch, nil},
		{"empty lists", most, emptyLists, nil},
		{"unfinished bodies", most, unfinishedBodies, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			victim := start(t, server, tc.flags...)
			out, err := exec.CommandContext(t.Context(), "prlimit", fmt.Sprintf("--pid=%d", victim.PID), fmt.Sprintf("--data=%d", atAll)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			before, _, err := victim.Memory()
			require.NoError(t, err)
			began := time.Now()
			tc.abuse(t, victim)
			after := victim.healthy(t)
			peak, err := victim.Peak()
			require.NoError(t, err)
			t.Logf("%.1f s, memory %d MB before, %d MB after and %d MB at most", time.Since(began).Seconds(), before/mb, after/mb, peak/mb)
			assert.Less(t, after, tc.limit)
			assert.Less(t, peak, int64(most))
		})
	}
}

// healthy asks for /health, which must be answered within a second, and returns
// the memory of the server.
func (c contender) healthy(t *testing.T) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.NoError(t, process.Get(ctx, "http://"+c.Address+"/health"))
	resident, _, err := c.Memory()
	require.NoError(t, err)
	return resident
}

// connect opens a connection that the test closes.
func (c contender) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", c.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

// slowHeaders sends a header line a second on each of 500 connections: the
// server must close them when the time for headers is over.
func slowHeaders(t *testing.T, victim contender) {
	const connections, longest = 500, 8 * time.Second
	began := time.Now()
	var open []net.Conn
	for range connections {
		conn := victim.connect(t)
		_, err := io.WriteString(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\n")
		require.NoError(t, err)
		open = append(open, conn)
	}
	peak := int64(0)
	for len(open) > 0 && time.Since(began) < longest {
		time.Sleep(time.Second)
		peak = max(peak, victim.healthy(t))
		var still []net.Conn
		for _, conn := range open {
			if _, err := io.WriteString(conn, "X-More: x\r\n"); err == nil {
				still = append(still, conn)
			}
		}
		open = still
	}
	assert.Empty(t, open, "connections that were not closed")
	t.Logf("%d connections closed within %.0f s, memory %d MB meanwhile", connections, time.Since(began).Seconds(), peak/mb)
}

// unfinishedHeaders sends as many headers as are taken on each of 1,000 connections, and
// not their end: short ones, which take the most memory and time.
func unfinishedHeaders(t *testing.T, victim contender) {
	const connections, size = 1000, 14 << 10
	var headers strings.Builder
	headers.WriteString("GET / HTTP/1.1\r\nHost: localhost\r\n")
	for i := 0; headers.Len() < size; i++ {
		fmt.Fprintf(&headers, "%x:\r\n", i)
	}
	for range connections {
		_, err := io.WriteString(victim.connect(t), headers.String())
		require.NoError(t, err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // before they are closed
	defer cancel()
	require.NoError(t, process.Get(ctx, "http://"+victim.Address+"/health"))
	resident, _, err := victim.Memory()
	require.NoError(t, err)
	t.Logf("memory %d MB meanwhile, /health answered in %d ms", resident/mb, time.Since(began).Milliseconds())
}

// idleConnections opens 10,000 connections that ask for nothing, while others
// are still served.
func idleConnections(t *testing.T, victim contender) {
	const connections = 10_000
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Max < connections+500 { // Go raises the limit in use to it
		t.Skipf("the limit of open files is %d: raise it with ulimit -Hn", limit.Max)
	}
	client, err := load.Dial(victim.Address, connections)
	require.NoError(t, err)
	defer client.Close()
	t.Logf("%d connections open, memory %d MB", connections, victim.healthy(t)/mb)
	others, err := load.Dial(victim.Address, 8)
	require.NoError(t, err)
	defer others.Close()
	result, err := others.Run(t.Context(), load.Plan{
		Request: load.Request(victim.Address, "/api/v1/manifest", nil), Duration: 10 * time.Second, Count: 1000,
	})
	require.NoError(t, err)
	require.NoError(t, result.Err)
	assert.Equal(t, map[int]int{http.StatusOK: 1000}, result.Answers)
	t.Logf("others are answered with p99 %s", result.Latency.Quantile(0.99))
}

// largeBodies offers a body of 1 GB: the server must refuse it early.
func largeBodies(t *testing.T, victim contender) {
	const size, most, longest = 1 << 30, 16 * mb, 3 * time.Second
	for name, header := range map[string]string{
		"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		"in chunks":     "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", size),
	} {
		began := time.Now()
		conn := victim.connect(t)
		answered := make(chan string, 1)
		go func() {
			line, err := bufio.NewReader(conn).ReadString('\n')
			answered <- fmt.Sprintf("%q, %v", line, err)
		}()
		_, err := io.WriteString(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"+header)
		require.NoError(t, err)
		sent, err := io.Copy(conn, io.LimitReader(blanks{}, size))
		answer := <-answered
		t.Logf("%s: closed after %d KB and %s: %v, answer %s", name, sent>>10, time.Since(began).Round(time.Millisecond), err, answer)
		require.Error(t, err, "the connection is closed")
		assert.Less(t, sent, int64(most))
		assert.Less(t, time.Since(began), longest)
		assert.NotContains(t, answer, "200")
	}
}

// blanks is as much white space as anybody wants, which JSON may begin with.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}

// largeHeaders sends 1 MB of headers, as one and as very many.
func largeHeaders(t *testing.T, victim contender) {
	for name, headers := range map[string]string{
		"one of 1 MB": "X: " + strings.Repeat("x", mb) + "\r\n",
		"10,000":      strings.Repeat("X: "+strings.Repeat("x", 95)+"\r\n", 10_000),
		"no end":      strings.Repeat("x", mb),
	} {
		conn := victim.connect(t)
		_, err := io.WriteString(conn, "GET /api/v1/agents HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n")
		status := answer(conn)
		t.Logf("%s: %s, %v", name, status, err)
		assert.Contains(t, []string{"431", "400", "closed"}, status, name)
	}
}

// answer is the status of an answer, or that there is none.
func answer(conn io.Reader) string {
	line, err := bufio.NewReader(conn).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) < 2 {
		return "closed"
	}
	return fields[1]
}

// malformed sends what is no request of MCP. Every answer must say that it is
// the client who is wrong.
func malformed(t *testing.T, victim contender) {
	deep := 10_000
	for _, body := range []string{
		"", "{", "null", "[]", "0", `""`, "\x00\xff", "{}{}", "\ufeff{}",
		`{"jsonrpc":"1.0","id":1,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`,
		`{"jsonrpc":"2.0","id":1,"method":7}`,
		`{"jsonrpc":"2.0","id":1}`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"no/such"}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":"x"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"\u0000"}}`,
		`[` + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"ping"},`, 1000) + `{}]`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}`,
		`{"jsonrpc":"2.0","id":1` + strings.Repeat(`,"id":1`, deep) + `,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":` + strings.Repeat("9", deep) + `,"method":"ping"}`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+victim.Address+mcp, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}).Do(req)
		require.NoError(t, err, "%.80q", body)
		data, err := io.ReadAll(io.LimitReader(resp.Body, mb))
		_ = resp.Body.Close()
		require.NoError(t, err)
		assert.Less(t, resp.StatusCode, http.StatusInternalServerError, "%.80q", body)
		assert.True(t, resp.StatusCode != http.StatusOK || json.Valid(data), "%.80q: an empty answer", body)
		t.Logf("%.60q: %d %.100q", body, resp.StatusCode, data)
	}
}

// wrongTokens tries 1,000 tokens.
func wrongTokens(t *testing.T, victim contender) {
	const tries, each = 1000, 10
	counts := map[int]int{}
	for range tries / each {
		token, _ := guard.NewToken()
		client, err := load.Dial(victim.Address, each)
		require.NoError(t, err)
		result, err := client.Run(t.Context(), load.Plan{
			Request:  load.Request(victim.Address, mcp, []byte(toolsList), "Authorization: Bearer "+token),
			Duration: 5 * time.Second, Count: each,
		})
		client.Close()
		require.NoError(t, err)
		require.NoError(t, result.Err)
		for status, n := range result.Answers {
			counts[status] += n
		}
	}
	assert.Equal(t, map[int]int{http.StatusUnauthorized: tries}, counts)
}

// send posts a body on a connection of its own and returns the status and the
// length of the answer.
func send(t *testing.T, victim contender, body string) (status int, length int64) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+victim.Address+mcp, strings.NewReader(body))
	if !assert.NoError(t, err) {
		return 0, 0
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return 0, 0 // the server closed the connection before it read everything
	}
	defer resp.Body.Close()
	length, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, length
}

// parallel sends bodies, as many at once, and counts the answers by status.
func parallel(t *testing.T, victim contender, bodies, atOnce int, body string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	counts := map[int]int{}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for range bodies {
		group.Go(func() error {
			status, _ := send(t, victim, body)
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
			return nil
		})
	}
	_ = group.Wait()
	t.Logf("%d bodies of %d KB, %d at once: %v", bodies, len(body)>>10, atOnce, counts)
	return counts
}

// callsInABatch asks for an agent as often as a body can.
func callsInABatch(t *testing.T, victim contender) {
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"api-builder"}}}`
	batch := func(calls int) string { return "[" + strings.Repeat(call+",", calls-1) + call + "]" }
	status, _ := send(t, victim, batch(8900))
	assert.Contains(t, []int{0, http.StatusRequestEntityTooLarge}, status)
	status, _ = send(t, victim, batch(largestBody/len(call)-10))
	assert.Equal(t, http.StatusBadRequest, status, "more than 32 calls")
	status, length := send(t, victim, batch(32))
	assert.Equal(t, http.StatusOK, status)
	t.Logf("32 calls are answered with %d KB", length>>10)
	assert.Less(t, length, int64(4*mb))
	assert.Zero(t, parallel(t, victim, 400, 100, batch(32))[http.StatusInternalServerError])
}

// emptyLists sends what takes the most memory to decode.
func emptyLists(t *testing.T, victim contender) {
	const before, after = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":[`, `[]]}}}`
	body := func(size int) string { return before + strings.Repeat("[],", (size-len(before)-len(after))/3) + after }
	parallel(t, victim, 30, 30, body(mb))
	for range 3 {
		counts := parallel(t, victim, 30, 30, body(largestBody))
		assert.Equal(t, map[int]int{http.StatusOK: 30}, counts)
	}
	counts := parallel(t, victim, 1000, 480, body(largestBody))
	// Who is refused while still sending may see the connection end before the answer.
	assert.LessOrEqual(t, counts[0], 10, "%v", counts)
	assert.Equal(t, 1000, counts[http.StatusOK]+counts[http.StatusServiceUnavailable]+counts[0], "%v", counts)
}

// unfinishedBodies sends the beginnings of 1,000 bodies, half of them nearly whole,
// again when they are closed, while 50 clients work. None of those sees an error.
func unfinishedBodies(t *testing.T, victim contender) {
	const connections, clients, longest = 1000, 50, 12 * time.Second
	ctx, stop := context.WithTimeout(t.Context(), longest)
	defer stop()
	var attackers errgroup.Group
	for i := range connections {
		sent := "{"
		if i%2 == 0 {
			sent = strings.Repeat(" ", largestBody-1)
		}
		attackers.Go(func() error {
			for ctx.Err() == nil {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", victim.Address)
				if err != nil {
					return nil //nolint:nilerr // the time is over
				}
				_, _ = fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", largestBody, sent)
				_ = conn.SetReadDeadline(time.Now().Add(longest))
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}
			return nil
		})
	}
	time.Sleep(time.Second)
	good, err := load.Dial(victim.Address, clients)
	require.NoError(t, err)
	defer good.Close()
	result, err := good.Run(ctx, load.Plan{
		Request:  load.Request(victim.Address, mcp, []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"api-builder"}}}`)),
		Duration: 8 * time.Second, Rate: 500,
	})
	require.NoError(t, err)
	require.NoError(t, result.Err)
	t.Logf("others are answered with p99 %s: %v", result.Latency.Quantile(0.99), result.Answers)
	assert.Len(t, result.Answers, 1)
	assert.Greater(t, result.Answers[http.StatusOK], 3000)
	assert.Less(t, result.Latency.Quantile(0.99), 2*time.Second)
	stop()
	require.NoError(t, attackers.Wait())
}
