package mcpserver

import (
	"context"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const (
	agentScheme   = "agent://"
	commandScheme = "command://"
	variable      = "{name}"
	markdown      = "text/markdown"
	// maxCompletions is the protocol's limit.
	maxCompletions = 100
)

func addResources(server *mcp.Server, c *catalog.Catalog) {
	add := func(scheme, kind, name, description, content string) {
		server.AddResource(
			&mcp.Resource{URI: scheme + name, Name: name, Description: description, MIMEType: markdown, Size: int64(len(content))},
			func(ctx context.Context, _ *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
				used(ctx, kind, name)
				return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{Text: content}}}, nil
			})
	}
	for _, a := range c.Agents {
		content, _ := a.Text(catalog.Base) // always there
		add(agentScheme, usage.KindAgent, a.Name, a.Description, content)
	}
	for _, k := range c.Commands {
		add(commandScheme, usage.KindCommand, k.Name, k.Description, k.Text)
	}
	// The templates let clients complete names; what exists is a resource already.
	for scheme, what := range map[string]string{agentScheme: "agent", commandScheme: "command"} {
		server.AddResourceTemplate(
			&mcp.ResourceTemplate{URITemplate: scheme + variable, Name: what, Description: "The text of one " + what + ".", MIMEType: markdown},
			func(_ context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
				return nil, mcp.ResourceNotFoundError(req.Params.URI)
			})
	}
}

// completer completes the names in the templates' URIs. The inputs of commands
// are free text, for which it has no values.
func completer(c *catalog.Catalog) func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
	names := map[string][]string{commandScheme + variable: commandNames(c)}
	for _, a := range c.Agents {
		names[agentScheme+variable] = append(names[agentScheme+variable], a.Name)
	}
	return func(_ context.Context, req *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
		values := []string{}
		for _, name := range names[req.Params.Ref.URI] {
			if strings.HasPrefix(name, req.Params.Argument.Value) {
				values = append(values, name)
			}
		}
		shown := values[:min(len(values), maxCompletions)]
		return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{
			Values: shown, Total: len(values), HasMore: len(shown) < len(values),
		}}, nil
	}
}
