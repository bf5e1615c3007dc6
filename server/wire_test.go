// What is on the wire: requests that a well-behaved client does not send.
package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// TestWire sends bytes and a last request, whose answer is 200 and ends the
// connection: each row's answers are all that there are, so nothing of a request was
// taken for another one.
func TestWire(t *testing.T) {
	t.Parallel()
	const (
		ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
		post = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		get  = "GET / HTTP/1.1\r\nHost: localhost\r\n"
		last = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	)
	require.Len(t, ping, 40)
	chunked := post + "Transfer-Encoding: chunked\r\n\r\n"
	whole := "28\r\n" + ping + "\r\n0\r\n\r\n"
	_, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	addresses := map[bool]string{}
	for private, opts := range map[bool]guard.Options{false: {}, true: {Tokens: tokens}} {
		srv := server.New(bundletest.Small(t), &server.Options{Logger: slog.New(slog.DiscardHandler), Guard: opts})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addresses[private] = listener.Addr().String()
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(ctx, listener, srv, server.Drain{Timeout: 10 * time.Second}) }()
		t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	}
	for name, tc := range map[string]struct {
		sent    string
		private bool
		want    []int // of the answers; without 200 at the end the connection was closed before the last request
	}{
		"good":                     {post + "Content-Length: 40\r\n\r\n" + ping, false, []int{200, 200}},
		"three at once":            {strings.Repeat(post+"Content-Length: 40\r\n\r\n"+ping, 3), false, []int{200, 200, 200, 200}},
		"chunks":                   {chunked + whole, false, []int{200, 200}},
		"chunks of a byte":         {chunked + bytewise(ping), false, []int{200, 200}},
		"chunks and a length":      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + whole, false, []int{200, 200}}, // the chunks count: RFC 9112, 6.1
		"a length and no chunks":   {post + "Transfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n0\r\n\r\n", false, []int{400, 200}},
		"two lengths":              {post + "Content-Length: 40\r\nContent-Length: 41\r\n\r\n" + ping, false, []int{400}},
		"length with a sign":       {post + "Content-Length: +40\r\n\r\n" + ping, false, []int{400}},
		"negative length":          {post + "Content-Length: -1\r\n\r\n" + ping, false, []int{400}},
		"hexadecimal length":       {post + "Content-Length: 0x28\r\n\r\n" + ping, false, []int{400}},
		"length that overflows":    {post + "Content-Length: 99999999999999999999\r\n\r\n" + ping, false, []int{400}},
		"another encoding":         {post + "Transfer-Encoding: xchunked\r\n\r\n" + whole, false, []int{501}},
		"two encodings":            {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + whole, false, []int{501}},
		"identity and a length":    {post + "Transfer-Encoding: identity\r\nContent-Length: 40\r\n\r\n" + ping, false, []int{501}},
		"a space before the colon": {post + "Transfer-Encoding : chunked\r\nContent-Length: 40\r\n\r\n" + ping, false, []int{400}},
		"chunks ended by LF":       {chunked + "28\n" + ping + "\n0\n\n", false, []int{400}},
		"a chunk without end":      {chunked + "ffffffffffffffffff\r\n", false, []int{400}},
		"chunks too large":         {chunked + "fffff\r\n" + strings.Repeat(" ", 70_000), false, []int{413}},
		"chunks with extensions":   {chunked + strings.Repeat("1;"+strings.Repeat("a", 900)+"\r\n \r\n", 40), false, []int{400}},
		"trailers are no headers":  {"POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\nAuthorization: Bearer x\r\n\r\n", true, []int{401, 200}},
		"trailers without end":     {chunked + "28\r\n" + ping + "\r\n0\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 20), false, []int{400}},
		"too large, announced":     {post + "Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n", false, []int{413}},
		"too large, not sent":      {post + "Content-Length: 10000000\r\n\r\n", false, []int{413}},
		"too large, GET":           {get + "Content-Length: 70000\r\n\r\n", false, []int{413}},
		"no token, announced":      {post + "Expect: 100-continue\r\nContent-Length: 40\r\n\r\n", true, []int{401}},
		"another expectation":      {post + "Expect: 200-ok\r\nContent-Length: 40\r\n\r\n" + ping, false, []int{417}},
		"two hosts":                {get + "Host: evil.example.com\r\n\r\n", false, []int{400}},
		"no host":                  {"GET / HTTP/1.1\r\n\r\n", false, []int{400}},
		"another host in the line": {"GET http://evil.example.com/ HTTP/1.1\r\nHost: localhost\r\n\r\n", false, []int{403, 200}},
		"another host, HTTP/1.0":   {"GET / HTTP/1.0\r\nHost: evil.example.com\r\n\r\n", false, []int{403}},
		"two origins":              {get + "Origin: http://localhost\r\nOrigin: https://evil.example.com\r\n\r\n", false, []int{403, 200}},
		"two origins, one empty":   {get + "Origin: \r\nOrigin: https://evil.example.com\r\n\r\n", false, []int{403, 200}},
		"HTTP/2":                   {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false, []int{403}},
		"HTTP/2, offered":          {"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", false, []int{200, 200}},
		"a tunnel":                 {"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", false, []int{404, 200}},
		"a probe by another path":  {"GET //health HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", false, []int{403, 200}},
		"128 lines":                {get + strings.Repeat("x:\r\n", 126) + "\r\n", false, []int{200, 200}},
		"129 lines":                {get + strings.Repeat("x:\r\n", 127) + "\r\n", false, []int{400}},
		"129 lines, the second":    {get + "\r\n" + get + strings.Repeat("x:\r\n", 2000) + "\r\n", false, []int{200, 400}},
		"129 lines, folded":        {get + "x: x\r\n" + strings.Repeat(" x\r\n", 127) + "\r\n", false, []int{400}},
		"129 lines, LF":            {get + strings.Repeat("x:\n", 128) + "\n", false, []int{400}},
		"a body of lines":          {post + "Content-Length: 240\r\n\r\n" + ping + strings.Repeat("\n", 200), false, []int{200, 200}},
		"a body of lines, after":   {post + "Expect: 100-continue\r\nContent-Length: 240\r\n\r\n" + ping + strings.Repeat("\n", 200), false, []int{100, 200, 200}},
		"headers of 17 KB":         {get + "X: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", false, []int{431}},
		"headers of 12 KB":         {get + "X: " + strings.Repeat("x", 12<<10) + "\r\n\r\n", false, []int{200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", addresses[tc.private])
			require.NoError(t, err)
			defer conn.Close()
			began := time.Now()
			require.NoError(t, conn.SetDeadline(began.Add(20*time.Second)))
			_, err = io.WriteString(conn, tc.sent+last)
			require.NoError(t, err)
			var got []int
			for answers := bufio.NewReader(conn); ; {
				resp, err := http.ReadResponse(answers, nil)
				if err != nil {
					break // the end, or a reset since there was more to read
				}
				if got = append(got, resp.StatusCode); len(got) == len(tc.want) {
					assert.Less(t, time.Since(began), 4*time.Second, "it does not wait for what nobody sends")
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

// bytewise is a body in chunks of a byte.
func bytewise(body string) string {
	var b strings.Builder
	for _, c := range []byte(body) {
		fmt.Fprintf(&b, "1\r\n%c\r\n", c)
	}
	return b.String() + "0\r\n\r\n"
}
