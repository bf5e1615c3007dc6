//go:build linux

// go test -run '^$' -bench . ./cmd/codeflow-server
//
// The benchmarks run the compiled server and its JavaScript peers as processes,
// with the project's bundle, and send them the same requests in turn. What is
// compared was measured within seconds on the same machine; the generator of the
// load takes its share of the processors from all alike. They do not show what a
// network adds.
package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/load"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

const (
	peers  = "../../peers"
	rounds = 5
	round  = time.Second
	agent  = "code-reviewer"
	mcp    = "/mcp"
)

const (
	toolsList = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	getAgent  = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"` + agent + `"}}}`
)

// contender is a server that is measured.
type contender struct {
	name string
	*process.Process
}

func build(tb testing.TB) *process.Server {
	tb.Helper()
	server, err := process.Build(tb.Context(), "../..", tb.TempDir())
	require.NoError(tb, err)
	return server
}

// start starts the server itself. It logs no requests, as the peers do not.
func start(tb testing.TB, server *process.Server, flags ...string) contender {
	tb.Helper()
	if len(flags) == 0 {
		flags = []string{"-public", "-log-level=warn"}
	}
	p, err := server.Start(tb.Context(), flags...)
	require.NoError(tb, err)
	tb.Cleanup(p.Stop)
	return contender{"ours", p}
}

// startPeer starts a script of the peers, or bare, with the data that it serves.
func startPeer(b *testing.B, name, script string, data any, more ...string) contender {
	b.Helper()
	var runtime string
	var err error
	switch name {
	case "bare":
		runtime = script
	case "node":
		runtime, err = process.Node()
	default:
		runtime, err = process.Bun(b.Context(), peers)
	}
	if err != nil {
		b.Skip(err)
	}
	text, err := json.Marshal(data)
	require.NoError(b, err)
	file := filepath.Join(b.TempDir(), "data.json")
	require.NoError(b, os.WriteFile(file, text, 0o600))
	p, err := process.Start(b.Context(), "/health", func(port string) *exec.Cmd {
		args := append([]string{port, file}, more...)
		if name != "bare" {
			args = append([]string{filepath.Join(peers, script)}, args...)
		}
		return exec.Command(runtime, args...)
	})
	require.NoError(b, err)
	b.Cleanup(p.Stop)
	return contender{name, p}
}

// startBare starts net/http with the answer that ours gives to a request.
func startBare(b *testing.B, ours contender, path, request string) contender {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "bare")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "./testdata/bare").CombinedOutput()
	require.NoError(b, err, string(out))
	bare := startPeer(b, "bare", binary, answers(b, ours, path, request))
	requireSame(b, ours, bare, path, request)
	return bare
}

// answers is what bare and serve.mjs serve: the answer that ours gives.
func answers(b *testing.B, ours contender, path, request string) map[string]any {
	b.Helper()
	headers, body := ask(b, ours.Address, path, request)
	return map[string]any{"/health": map[string]any{}, path: map[string]any{"headers": headers, "body": body}}
}

// requireSame requires that a peer's answer is ours but for the request's id.
func requireSame(b *testing.B, ours, peer contender, path, request string) {
	b.Helper()
	headers, body := ask(b, ours.Address, path, request)
	theirHeaders, theirBody := ask(b, peer.Address, path, request)
	delete(headers, "X-Request-Id")
	delete(theirHeaders, "X-Request-Id")
	require.Equal(b, body, theirBody)
	require.Equal(b, headers, theirHeaders)
}

// BenchmarkHealth compares with an answer that bun and net/http have ready.
func BenchmarkHealth(b *testing.B) { comparePath(b, "/health") }

// BenchmarkAgents compares with an answer that bun and net/http have ready.
func BenchmarkAgents(b *testing.B) { comparePath(b, "/api/v1/agents") }

func comparePath(b *testing.B, path string) {
	ours := start(b, build(b))
	bun := startPeer(b, "bun", "serve.mjs", answers(b, ours, path, ""))
	requireSame(b, ours, bun, path, "")
	compare(b, path, nil, ours, bun, startBare(b, ours, path, ""))
}

// ask returns an answer without the headers that every server sets itself.
func ask(b *testing.B, address, path, request string) (headers map[string]string, body string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+address+path, strings.NewReader(request))
	require.NoError(b, err)
	if request != "" {
		req.Method = http.MethodPost
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	req.Header.Set("Accept-Encoding", "identity") // as the load asks
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	require.Equal(b, http.StatusOK, resp.StatusCode)
	data, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	headers = map[string]string{}
	for name, values := range resp.Header {
		if !slices.Contains([]string{"Date", "Content-Length", "Connection", "Keep-Alive"}, name) {
			headers[name] = values[0]
		}
	}
	return headers, string(data)
}

// BenchmarkToolsList compares with the TypeScript SDK, and with net/http.
func BenchmarkToolsList(b *testing.B) { compareMCP(b, toolsList) }

// BenchmarkGetAgent compares with the TypeScript SDK, and with net/http.
func BenchmarkGetAgent(b *testing.B) { compareMCP(b, getAgent) }

func compareMCP(b *testing.B, request string) {
	server := build(b)
	ours := start(b, server)
	data := mcpData(b, server, ours)
	bun, node := startPeer(b, "bun", "mcp.mjs", data), startPeer(b, "node", "mcp.mjs", data)
	v2 := startPeer(b, "v2", "mcp.mjs", data, "v2")
	want := post(b, ours.Address, request)
	for _, peer := range []contender{bun, node, v2} {
		got := post(b, peer.Address, request)
		require.Equal(b, want["tools"], got["tools"])
		require.Equal(b, want["content"], got["content"])
	}
	compare(b, mcp, []byte(request), ours, bun, node, v2, startBare(b, ours, mcp, request))
}

// mcpData is what mcp.mjs serves: our tools and agents.
func mcpData(b *testing.B, server *process.Server, ours contender) any {
	b.Helper()
	agents := map[string]string{}
	for _, e := range server.Manifest.Agents {
		text, err := os.ReadFile(filepath.Join(server.Bundle, filepath.FromSlash(e.Path)))
		require.NoError(b, err)
		agents[e.Name] = string(text)
	}
	return map[string]any{"tools": post(b, ours.Address, toolsList)["tools"], "agents": agents}
}

// post returns the result of an MCP request.
func post(b *testing.B, address, request string) map[string]any {
	b.Helper()
	_, body := ask(b, address, mcp, request)
	var answer struct{ Result map[string]any }
	require.NoError(b, json.Unmarshal([]byte(body), &answer))
	require.NotEmpty(b, answer.Result)
	return answer.Result
}

// compare measures the throughput of all in turn, again and again, and the processor
// time that a request takes, which does not depend on what else the machine does. It
// reports medians of ours, and of how many times better than each of the others it is.
func compare(b *testing.B, path string, body []byte, ours contender, others ...contender) {
	all := append([]contender{ours}, others...)
	for _, connections := range []int{32, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			for _, c := range all {
				c.measure(b, path, body, connections, round, 0) // lets compilers warm up
			}
			rates, costs := map[string][]float64{}, map[string][]float64{}
			for b.Loop() {
				for range rounds {
					for _, c := range all {
						before := c.cpu(b)
						result := c.measure(b, path, body, connections, round, 0)
						rates[c.name] = append(rates[c.name], result.PerSecond())
						costs[c.name] = append(costs[c.name], float64((c.cpu(b)-before).Microseconds())/float64(result.Answers[http.StatusOK]))
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(rates[ours.name]), "req/s")
			b.ReportMetric(median(costs[ours.name]), "µs_cpu")
			for _, c := range others {
				b.ReportMetric(ratio(rates[ours.name], rates[c.name]), "x_"+c.name)
				b.ReportMetric(ratio(costs[c.name], costs[ours.name]), "cpu_x_"+c.name)
			}
		})
	}
}

// measure sends requests for a while; each must be answered well.
func (c contender) measure(b *testing.B, path string, body []byte, connections int, d time.Duration, rate float64) *load.Result {
	b.Helper()
	client, err := load.Dial(c.Address, connections)
	require.NoError(b, err)
	defer client.Close()
	result, err := client.Run(b.Context(), load.Plan{Request: load.Request(c.Address, path, body), Duration: d, Rate: rate})
	require.NoError(b, err)
	require.NoError(b, result.Err, c.name)
	require.Len(b, result.Answers, 1, c.name)
	require.Contains(b, result.Answers, http.StatusOK, c.name)
	return result
}

// ratio is the median of how many times b's a is, round by round.
func ratio(a, b []float64) float64 {
	times := make([]float64, len(a))
	for i := range a {
		times[i] = a[i] / b[i]
	}
	return median(times)
}

func (c contender) cpu(b *testing.B) time.Duration {
	b.Helper()
	taken, err := c.CPU()
	require.NoError(b, err)
	return taken
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkLatency asks at half the rate that the server can answer at most.
func BenchmarkLatency(b *testing.B) {
	ours := start(b, build(b))
	for name, request := range map[string]struct {
		path string
		body []byte
	}{
		"health":    {"/health", nil},
		"agents":    {"/api/v1/agents", nil},
		"get_agent": {mcp, []byte(getAgent)},
	} {
		b.Run(name, func(b *testing.B) {
			most := ours.measure(b, request.path, request.body, 64, rounds*round, 0).PerSecond()
			for b.Loop() {
				got := ours.measure(b, request.path, request.body, 64, rounds*round, most/2)
				require.Zero(b, got.Unanswered)
				b.ReportMetric(milliseconds(got.Latency.Quantile(0.5)), "ms_p50")
				b.ReportMetric(milliseconds(got.Latency.Quantile(0.99)), "ms_p99")
				b.ReportMetric(milliseconds(got.Latency.Max()), "ms_max")
				b.ReportMetric(got.PerSecond(), "req/s")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// BenchmarkMemory holds 1,000 connections open, each of which has been used.
func BenchmarkMemory(b *testing.B) {
	const connections = 1000
	server := build(b)
	ours := start(b, server)
	bun := startPeer(b, "bun", "mcp.mjs", mcpData(b, server, ours))
	for b.Loop() {
		for _, c := range []contender{ours, bun} {
			client, err := load.Dial(c.Address, connections)
			require.NoError(b, err)
			result, err := client.Run(b.Context(), load.Plan{
				Request: load.Request(c.Address, mcp, []byte(getAgent)), Duration: 30 * time.Second, Count: connections, Rate: 500,
			})
			require.NoError(b, err)
			require.Equal(b, map[int]int{http.StatusOK: connections}, result.Answers)
			resident, own, err := c.Memory()
			require.NoError(b, err)
			client.Close()
			b.ReportMetric(float64(resident)/(1<<20), "MB_rss_"+c.name)
			b.ReportMetric(float64(own)/(1<<20), "MB_anon_"+c.name)
		}
		b.ReportMetric(0, "ns/op")
	}
}

// BenchmarkStart is the time from the start to the first good answer.
func BenchmarkStart(b *testing.B) {
	server := build(b)
	data := mcpData(b, server, start(b, server))
	large := &process.Server{Binary: server.Binary, Bundle: many(b, server, 1000)}
	ready := map[string][]time.Duration{}
	for b.Loop() {
		for range 10 {
			for _, c := range []contender{
				start(b, server),
				{"ours_1000_agents", start(b, large).Process},
				startPeer(b, "bun", "mcp.mjs", data),
				startPeer(b, "v2", "mcp.mjs", data, "v2"),
				startPeer(b, "node", "mcp.mjs", data),
			} {
				c.Stop()
				ready[c.name] = append(ready[c.name], c.Ready)
			}
		}
	}
	for name, times := range ready {
		b.ReportMetric(milliseconds(median(times)), "ms_start_"+name)
	}
	b.ReportMetric(0, "ns/op")
}

// many is a folder of the agents of a bundle, again and again.
func many(b *testing.B, server *process.Server, agents int) string {
	b.Helper()
	texts := map[string]string{}
	for i := range agents {
		e := server.Manifest.Agents[i%len(server.Manifest.Agents)]
		text, err := os.ReadFile(filepath.Join(server.Bundle, filepath.FromSlash(e.Path)))
		require.NoError(b, err)
		texts[fmt.Sprintf("%s-%d", e.Name, i)] = string(text)
	}
	dir := b.TempDir()
	require.NoError(b, os.CopyFS(dir, bundletest.FS(b, texts, nil)))
	return dir
}
