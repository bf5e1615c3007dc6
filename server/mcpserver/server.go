package mcpserver

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/rpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const (
	name  = "codeflow"
	title = "CodeFlow agents and commands"

	instructions = `CodeFlow serves agents and commands for software work.
Find an agent with search_agents or list_agents, read it with get_agent and follow it.
research, plan, execute, test, document, commit and review return the command of that
name; get_command returns any other.`

	// cacheTTLMS is for how long a client may keep a list or resource: as long
	// as Route 53 keeps a client with one colour.
	cacheTTLMS = 60_000
	pageSize   = 100
)

// Options are the optional settings of [New]. The zero value is ready to use.
type Options struct {
	// Version of the server, as told to clients. Default: empty.
	Version string
	// Recorder gets an event for each call of a tool, prompt or resource.
	// Default: [usage.Discard].
	Recorder usage.Recorder
	// Observe is called before each request; what it returns is called after,
	// with the name of the agent, command or tool that was used, "" when none
	// was. Default: nothing.
	Observe func(ctx context.Context, method string) (context.Context, func(name string, failed bool))
	// Workspace is the directory on this host whose files agents work on, for a
	// server that runs beside its client: see [Access]. Default: none.
	Workspace string
	// PageSize is how many items a list returns at once. Default: 100.
	PageSize int
	// Private says that answers must not be kept by shared caches.
	Private bool
	// Logger gets the panics of handlers. Default: [slog.Default].
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Recorder == nil {
		o.Recorder = usage.Discard{}
	}
	if o.Observe == nil {
		o.Observe = func(ctx context.Context, _ string) (context.Context, func(string, bool)) {
			return ctx, func(string, bool) {}
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.PageSize == 0 {
		o.PageSize = pageSize
	}
	return o
}

// Server is the protocol's server, and what answers its requests over HTTP.
type Server struct {
	*mcp.Server
	handler http.Handler
}

// New returns a server of all that c holds.
func New(c *catalog.Catalog, opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	o := opts.withDefaults()
	server := mcp.NewServer(&mcp.Implementation{Name: name, Title: title, Version: o.Version}, &mcp.ServerOptions{
		Instructions:      instructions,
		PageSize:          o.PageSize,
		CompletionHandler: completer(c),
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) {
			c.TTLMs = cacheTTLMS
			if o.Private {
				c.CacheScope = "private"
			}
		},
		Capabilities: &mcp.ServerCapabilities{
			Tools: &mcp.ToolCapabilities{}, Prompts: &mcp.PromptCapabilities{}, Resources: &mcp.ResourceCapabilities{},
		},
	})
	tools := &tools{server, map[string]map[string]any{}}
	addAgentTools(tools, c, Access{Workspace: o.Workspace})
	addCommandTools(tools, c)
	addQA(tools, c)
	addPrompts(server, c)
	addResources(server, c)
	server.AddReceivingMiddleware(o.observe, tools.asMeant)
	return &Server{server, rpc.New(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless:    true,
		JSONResponse: true,
		// The guard checks Host, Origin and the size of bodies of every route.
		DisableLocalhostProtection:   true,
		MaxRequestBodyBytes:          -1,
		PropagateRequestCancellation: true,
	}), rpc.Options{Begin: o.begin})}
}

// ServeHTTP answers a request of the streamable HTTP transport. Who may ask, and
// how much, is the caller's to check.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
