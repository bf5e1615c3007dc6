package mcpserver

import (
	"context"
	"runtime/debug"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

type useKey struct{}

// use is what a request turned out to use; a name that a client made up never
// gets here.
type use struct{ kind, name string }

// used says what the request of ctx uses.
func used(ctx context.Context, kind, name string) {
	if u, ok := ctx.Value(useKey{}).(*use); ok {
		*u = use{kind, name}
	}
}

// observe tells o about every request. A handler runs in a goroutine of the
// SDK's, where a panic would end the process: it becomes an error of the request.
func (o Options) observe(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (result mcp.Result, err error) {
		var u use
		ctx, done := o.Observe(context.WithValue(ctx, useKey{}, &u), method)
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				o.Logger.ErrorContext(ctx, "panic", "method", method, "panic", p, "stack", string(debug.Stack()))
				result, err = nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "internal error"}
			}
			call, isCall := result.(*mcp.CallToolResult)
			done(u.name, err != nil || isCall && call.IsError)
			if u.name != "" {
				o.Recorder.Record(usage.Event{
					Time: start, Kind: u.kind, Name: u.name, Client: client(req), Latency: time.Since(start),
				})
			}
		}()
		return next(ctx, method, req)
	}
}

// client is the name and version of the client that sent a request: as it says,
// or of its HTTP library, since over HTTP only the newest protocol says it with
// every request.
func client(req mcp.Request) string {
	if r, ok := req.(interface{ ClientInfo() *mcp.Implementation }); ok {
		if info := r.ClientInfo(); info != nil && info.Name != "" {
			return info.Name + "/" + info.Version
		}
	}
	if extra := req.GetExtra(); extra != nil {
		product, _, _ := strings.Cut(extra.Header.Get("User-Agent"), " ")
		return product
	}
	return ""
}
