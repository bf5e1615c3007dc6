package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
type use struct {
	kind, name string
	client     string // as the request names it, "" when it does not
	succeeded  bool
}

func withUse(ctx context.Context, u *use) context.Context {
	return context.WithValue(ctx, useKey{}, u)
}

// begin has the SDK's answer to a request given again when it succeeds, and tells
// of it each time as [Options.observe] does.
func (o Options) begin(r *http.Request) (*http.Request, func() func(*http.Request, string)) {
	u := new(use)
	return r.WithContext(withUse(r.Context(), u)), func() func(*http.Request, string) {
		if !u.succeeded {
			return nil
		}
		return func(r *http.Request, method string) {
			_, done := o.Observe(r.Context(), method)
			done(u.name, false)
			if u.name != "" {
				o.record(*u, time.Now(), r.UserAgent())
			}
		}
	}
}

// used says what the request of ctx uses.
func used(ctx context.Context, kind, name string) {
	if u, ok := ctx.Value(useKey{}).(*use); ok {
		u.kind, u.name = kind, name
	}
}

// observe tells o about every request. A handler runs in a goroutine of the
// SDK's, where a panic would end the process: it becomes an error of the request.
func (o Options) observe(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (result mcp.Result, err error) {
		u, ok := ctx.Value(useKey{}).(*use)
		if !ok {
			u = &use{}
			ctx = withUse(ctx, u)
		}
		u.client = client(req)
		ctx, done := o.Observe(ctx, method)
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				o.Logger.ErrorContext(ctx, "panic", "method", method, "panic", p, "stack", string(debug.Stack()))
				result, err = nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "internal error"}
			}
			call, isCall := result.(*mcp.CallToolResult)
			u.succeeded = err == nil && (!isCall || !call.IsError)
			done(u.name, !u.succeeded)
			o.record(*u, start, header(req).Get("User-Agent"))
			err = inVersion(header(req).Get("Mcp-Protocol-Version"), method, encodable(err))
		}()
		return next(ctx, method, req)
	}
}

// record counts a use of something that there is.
func (o Options) record(u use, start time.Time, userAgent string) {
	if u.name == "" {
		return
	}
	if u.client == "" {
		u.client, _, _ = strings.Cut(userAgent, " ")
	}
	o.Recorder.Record(usage.Event{Time: start, Kind: u.kind, Name: u.name, Client: u.client, Latency: time.Since(start)})
}

// encodable takes data that is not JSON from an error: the SDK makes such data
// of URIs with control characters, and then sends an empty answer.
func encodable(err error) error {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) && wire.Data != nil && !json.Valid(wire.Data) {
		return &jsonrpc.Error{Code: wire.Code, Message: wire.Message}
	}
	return err
}

// client is the name and version that a client gives itself. Over HTTP only the
// newest protocol has it in every request.
func client(req mcp.Request) string {
	if r, ok := req.(interface{ ClientInfo() *mcp.Implementation }); ok {
		if info := r.ClientInfo(); info != nil && info.Name != "" {
			return info.Name + "/" + info.Version
		}
	}
	return ""
}

// inVersion gives an error the code that it has in a version of the protocol: a
// resource that is not found had its own before 2026-07-28.
// https://modelcontextprotocol.io/specification/2025-11-25/server/resources#error-handling
func inVersion(version, method string, err error) error {
	const notFound = -32002
	var wire *jsonrpc.Error
	if version < "2026-07-28" && method == "resources/read" && errors.As(err, &wire) && wire.Message == "Resource not found" {
		return &jsonrpc.Error{Code: notFound, Message: wire.Message, Data: wire.Data}
	}
	return err
}

// header is that of the HTTP request, if there is one.
func header(req mcp.Request) http.Header {
	if extra := req.GetExtra(); extra != nil {
		return extra.Header
	}
	return nil
}
