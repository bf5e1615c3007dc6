package mcpserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const (
	defaultHits = 10
	maxHits     = 50
)

type listArgs struct {
	Category string `json:"category,omitempty" jsonschema:"only agents of this category, for example development"`
	Tag      string `json:"tag,omitempty"      jsonschema:"only agents with this tag"`
	Limit    int    `json:"limit,omitempty"    jsonschema:"how many agents at most"`
	Cursor   string `json:"cursor,omitempty"   jsonschema:"nextCursor of the list before, for what follows it"`
}

type getAgentArgs struct {
	Name   string `json:"name"             jsonschema:"the agent's name, as list_agents and search_agents give it"`
	Format string `json:"format,omitempty" jsonschema:"the tool that the agent is for"`
}

type searchArgs struct {
	Query string `json:"query"           jsonschema:"words that the agent's name, tags, description or text should have"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many agents at most"`
}

type accessArgs struct {
	AgentName string `json:"agentName" jsonschema:"the agent's name"`
	FilePath  string `json:"filePath"  jsonschema:"the file's path, absolute or relative to the workspace, with forward slashes"`
}

// summary is what the lists tell of an agent.
type summary struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Category    string   `json:"category"`
	Tags        []string `json:"tags"`
	Score       float64  `json:"score,omitempty" jsonschema:"how well the agent fits, comparable within one search"`
}

type summaries struct {
	Agents []summary `json:"agents"`
	Total  int       `json:"total"`
	Next   string    `json:"nextCursor,omitempty" jsonschema:"there are more: the cursor to list them with"`
}

func addAgentTools(server *tools, c *catalog.Catalog, access Access) {
	all := readOnly("list_agents", "Lists the agents by name, all or those of a category or tag.")
	all.InputSchema = schemaOf[listArgs](func(properties map[string]*jsonschema.Schema) {
		properties["limit"].Minimum, properties["limit"].Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(float64(catalog.MaxPage))
		properties["limit"].Default = fmt.Append(nil, catalog.MaxPage)
	})
	addTool(server, all, func(ctx context.Context, _ *mcp.CallToolRequest, args listArgs) (*mcp.CallToolResult, summaries, error) {
		used(ctx, usage.KindTool, all.Name)
		return nil, list(c, args), nil
	})

	get := readOnly("get_agent", "Returns an agent's whole text, in the format of the tool that it is for.")
	get.InputSchema = schemaOf[getAgentArgs](func(properties map[string]*jsonschema.Schema) {
		properties["format"].Enum = enum(catalog.Formats())
		properties["format"].Default = []byte(`"` + catalog.Base + `"`)
	})
	addTool(server, get, func(ctx context.Context, _ *mcp.CallToolRequest, args getAgentArgs) (*mcp.CallToolResult, any, error) {
		agent, err := find(c, args.Name)
		if err != nil {
			return nil, nil, err
		}
		used(ctx, usage.KindAgent, agent.Name)
		content, err := agent.Text(args.Format)
		return text(content), nil, err
	})

	search := readOnly("search_agents", "Finds the agents that fit some words best, best first.")
	search.InputSchema = schemaOf[searchArgs](func(properties map[string]*jsonschema.Schema) {
		properties["query"].MinLength = jsonschema.Ptr(1)
		properties["limit"].Minimum, properties["limit"].Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(float64(maxHits))
		properties["limit"].Default = fmt.Append(nil, defaultHits)
	})
	addTool(server, search, func(ctx context.Context, _ *mcp.CallToolRequest, args searchArgs) (*mcp.CallToolResult, summaries, error) {
		used(ctx, usage.KindTool, search.Name)
		found := summaries{Agents: []summary{}}
		for _, hit := range c.Search(args.Query, args.Limit) {
			s := summarize(hit.Agent)
			s.Score = hit.Score
			found.Agents = append(found.Agents, s)
		}
		found.Total = len(found.Agents)
		return nil, found, nil
	})

	addTool(server, readOnly("validate_agent_file_access", "Tells whether an agent may touch a file."),
		func(ctx context.Context, _ *mcp.CallToolRequest, args accessArgs) (*mcp.CallToolResult, Decision, error) {
			agent, err := find(c, args.AgentName)
			if err != nil {
				return nil, Decision{}, err
			}
			used(ctx, usage.KindAgent, agent.Name)
			return nil, access.Check(agent, args.FilePath), nil
		})
}

func list(c *catalog.Catalog, args listArgs) summaries {
	fit := slices.DeleteFunc(slices.Clone(c.Agents), func(a *catalog.Agent) bool {
		return args.Category != "" && a.Category != args.Category || args.Tag != "" && !slices.Contains(a.Tags, args.Tag)
	})
	page, next := catalog.Page(fit, args.Cursor, args.Limit)
	listed := summaries{Agents: []summary{}, Total: len(fit), Next: next}
	for _, a := range page {
		listed.Agents = append(listed.Agents, summarize(a))
	}
	return listed
}

func summarize(a *catalog.Agent) summary {
	return summary{Name: a.Name, Description: a.Description, Category: a.Category, Tags: a.Tags}
}

// find returns the agent of a name, or an error that names those that are like it.
func find(c *catalog.Catalog, name string) (*catalog.Agent, error) {
	if agent := c.Agent(name); agent != nil {
		return agent, nil
	}
	hint := "list_agents lists all"
	if hits := c.Search(name, 3); len(hits) > 0 {
		names := make([]string, len(hits))
		for i, hit := range hits {
			names[i] = hit.Agent.Name
		}
		hint = "did you mean " + strings.Join(names, ", ") + "?"
	}
	return nil, fmt.Errorf("unknown agent %.100q: %s", name, hint)
}

// readOnly is a tool that changes nothing and asks nobody else.
func readOnly(name, description string) *mcp.Tool {
	return &mcp.Tool{Name: name, Description: description, Annotations: &mcp.ToolAnnotations{
		ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: jsonschema.Ptr(false),
	}}
}

func enum(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

func text(parts ...string) *mcp.CallToolResult {
	result := &mcp.CallToolResult{}
	for _, part := range parts {
		result.Content = append(result.Content, &mcp.TextContent{Text: part})
	}
	return result
}
