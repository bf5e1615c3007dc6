package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// workflow are the commands that are tools of their own.
var workflow = []string{"research", "plan", "execute", "test", "document", "commit", "review"}

type getCommandArgs struct {
	Name string `json:"name" jsonschema:"the command's name"`
}

func addCommandTools(server *tools, c *catalog.Catalog) {
	agents := agentList(c)
	for _, name := range workflow {
		command := c.Command(name)
		if command == nil {
			continue // left out of this bundle
		}
		tool := readOnly(name, command.Description)
		tool.InputSchema = inputSchema(command)
		addTool(server, tool, func(ctx context.Context, _ *mcp.CallToolRequest, args map[string]any) (*mcp.CallToolResult, any, error) {
			used(ctx, usage.KindCommand, command.Name)
			return text(fill(command, asText(args)), agents), nil, nil
		})
	}

	get := readOnly("get_command", "Returns a command's whole text.")
	get.InputSchema = schemaOf[getCommandArgs](func(properties map[string]*jsonschema.Schema) {
		properties["name"].Enum = enum(commandNames(c))
	})
	addTool(server, get, func(ctx context.Context, _ *mcp.CallToolRequest, args getCommandArgs) (*mcp.CallToolResult, any, error) {
		used(ctx, usage.KindCommand, args.Name)
		return text(c.Command(args.Name).Text), nil, nil
	})
}

func addPrompts(server *mcp.Server, c *catalog.Catalog) {
	for _, command := range c.Commands {
		prompt := &mcp.Prompt{Name: command.Name, Description: command.Description}
		for _, input := range command.Inputs {
			prompt.Arguments = append(prompt.Arguments, &mcp.PromptArgument{
				Name: input.Name, Description: input.Description, Required: input.Required,
			})
		}
		server.AddPrompt(prompt, func(ctx context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			// Clients send what was not filled in as null or as nothing.
			maps.DeleteFunc(req.Params.Arguments, func(_, value string) bool { return value == "" })
			if err := checkArguments(command, req.Params.Arguments); err != nil {
				return nil, err
			}
			used(ctx, usage.KindCommand, command.Name)
			return &mcp.GetPromptResult{Description: command.Description, Messages: []*mcp.PromptMessage{{
				Role: "user", Content: &mcp.TextContent{Text: fill(command, req.Params.Arguments)},
			}}}, nil
		})
	}
}

// inputSchema is the schema of a command's inputs. None is required of a tool:
// without them it returns the command as it is, for the model to fill in.
func inputSchema(command *catalog.Command) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}
	for _, input := range command.Inputs {
		property := &jsonschema.Schema{Description: input.Description, Type: "string"}
		switch input.Type {
		case "number", "integer", "boolean":
			property.Type = input.Type
		case "array":
			property.Type, property.Items = input.Type, &jsonschema.Schema{Type: "string"}
		}
		schema.Properties[input.Name] = property
	}
	return schema
}

// checkArguments returns an error that names every argument that is missing or
// that the command does not declare.
func checkArguments(command *catalog.Command, args map[string]string) error {
	var problems []string
	declared := map[string]bool{}
	for _, input := range command.Inputs {
		declared[input.Name] = true
		if _, given := args[input.Name]; input.Required && !given {
			problems = append(problems, fmt.Sprintf("argument %q is required", input.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !declared[name] {
			problems = append(problems, fmt.Sprintf("argument %q is not declared", name))
		}
	}
	if problems == nil {
		return nil
	}
	return &jsonrpc.Error{
		Code:    jsonrpc.CodeInvalidParams,
		Message: fmt.Sprintf("prompt %q: %s", command.Name, strings.Join(problems, "; ")),
	}
}

// fill returns the text of a command with its {{variables}} replaced by the
// arguments given, those of other inputs by nothing; what the text only explains
// follows it. Without any arguments the text stays as it is. Two braces that are
// text are \{{ in a bundle.
func fill(command *catalog.Command, args map[string]string) string {
	if len(args) == 0 {
		return convert.Unescape(command.Body)
	}
	var rest []string
	replace := []string{`\{{`, "{{"}
	for _, input := range command.Inputs {
		value, given := args[input.Name]
		forms := []string{"{{" + input.Name + "}}", "{{ " + input.Name + " }}"}
		replace = append(replace, forms[0], value, forms[1], value)
		if given && !strings.Contains(command.Body, forms[0]) && !strings.Contains(command.Body, forms[1]) {
			rest = append(rest, fmt.Sprintf("- **%s**: %s", input.Name, value))
		}
	}
	filled := strings.NewReplacer(replace...).Replace(command.Body)
	if len(rest) > 0 {
		filled += "\n\n## Given inputs\n\n" + strings.Join(rest, "\n")
	}
	return filled
}

// asText writes arguments as a person would: text as it is, anything else as JSON.
func asText(args map[string]any) map[string]string {
	texts := make(map[string]string, len(args))
	for name, value := range args {
		if s, ok := value.(string); ok {
			texts[name] = s
			continue
		}
		data, _ := json.Marshal(value) // it came from JSON
		texts[name] = string(data)
	}
	return texts
}

// agentList tells a model which agents it can hand work to, or how to find them.
func agentList(c *catalog.Catalog) string {
	var b strings.Builder
	b.WriteString("Available agents (get_agent returns one):\n")
	page, _ := catalog.Page(c.Agents, "", catalog.MaxPage)
	for _, a := range page {
		fmt.Fprintf(&b, "- %s: %s\n", a.Name, a.Description)
	}
	if more := len(c.Agents) - len(page); more > 0 {
		fmt.Fprintf(&b, "and %d more: search_agents finds them\n", more)
	}
	return b.String()
}

func commandNames(c *catalog.Catalog) []string {
	names := make([]string, len(c.Commands))
	for i, command := range c.Commands {
		names[i] = command.Name
	}
	return names
}
