package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

// plan is what every client does.
type plan struct {
	// Lists are the names or URIs that each list must have, sorted: those of
	// the bundle and of the tools that the server promises.
	Lists map[string][]string `json:"lists"`
	Steps []step              `json:"steps"`

	agent     string   // one that there is
	prompt    string   // one that needs no argument
	arguments []string // two at least that it takes
}

// step is one request.
type step struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Params any    `json:"params"`
	// Text that the answer must have. Default: any.
	Text string `json:"text,omitempty"`
	// Refused says that the answer must be an error, of the protocol or the tool.
	Refused bool `json:"refused,omitempty"`
}

// tools are those that do not depend on the bundle; workflow those that are
// commands of a bundle that has them.
var (
	tools = []string{
		"codeflow_registry_qa", "get_agent", "get_command", "list_agents", "search_agents", "validate_agent_file_access",
	}
	workflow = []string{"commit", "document", "execute", "plan", "research", "review", "test"}
)

// newPlan makes a plan from the bundle and from the schemas that the server has
// for its arguments.
func newPlan(ctx context.Context, server *process.Server, transport mcp.Transport) (*plan, error) {
	session, err := connect(ctx, transport)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	agents, commands := names(server.Manifest.Agents), names(server.Manifest.Commands)
	p := &plan{agent: agents[0], Lists: map[string][]string{
		"tools":             slices.Clone(tools),
		"prompts":           commands,
		"resourceTemplates": {"agent://{name}", "command://{name}"},
	}}
	for _, name := range workflow {
		if slices.Contains(commands, name) {
			p.Lists["tools"] = append(p.Lists["tools"], name)
		}
	}
	if err := p.addTools(ctx, session); err != nil {
		return nil, fmt.Errorf("listing tools: %w", err)
	}
	if err := p.addPrompts(ctx, session); err != nil {
		return nil, fmt.Errorf("listing prompts: %w", err)
	}
	if err := errors.Join(
		p.addTexts("agent", server.Bundle, server.Manifest.Agents),
		p.addTexts("command", server.Bundle, server.Manifest.Commands),
	); err != nil {
		return nil, err
	}
	p.addLeniencies()
	p.addRefusals()
	for _, list := range p.Lists {
		slices.Sort(list)
	}
	return p, nil
}

func names(entries []manifest.Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Name)
	}
	return list
}

func (p *plan) add(name, method string, params any) {
	p.Steps = append(p.Steps, step{Name: method + " " + name, Method: method, Params: params})
}

func (p *plan) call(tool string, arguments any) {
	p.add(tool, "tools/call", map[string]any{"name": tool, "arguments": arguments})
}

// addTools calls every tool with everything that it takes.
func (p *plan) addTools(ctx context.Context, session *mcp.ClientSession) error {
	known := map[string]any{"name": p.agent, "agentName": p.agent, "filePath": "/bundle/x"}
	for tool, err := range session.Tools(ctx, nil) {
		if err != nil {
			return err
		}
		arguments, _ := sample(tool.InputSchema, known).(map[string]any)
		p.call(tool.Name, arguments)
	}
	return nil
}

// sample returns a value that a schema allows.
func sample(schema any, known map[string]any) any {
	s, _ := schema.(map[string]any)
	if values, _ := s["enum"].([]any); len(values) > 0 {
		return values[0]
	}
	switch s["type"] {
	case "object":
		object, properties := map[string]any{}, s["properties"]
		for name, property := range mapOf(properties) {
			object[name] = sample(property, known)
			if value, ok := known[name]; ok && mapOf(property)["enum"] == nil {
				object[name] = value
			}
		}
		return object
	case "array":
		return []any{sample(s["items"], known)}
	case "boolean":
		return true
	case "integer", "number":
		return max(number(s["minimum"]), 1)
	}
	return "review"
}

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }

func number(v any) float64 { n, _ := v.(float64); return n }

// addPrompts gets every prompt with all of its arguments, and without those that
// it needs.
func (p *plan) addPrompts(ctx context.Context, session *mcp.ClientSession) error {
	for prompt, err := range session.Prompts(ctx, nil) {
		if err != nil {
			return err
		}
		arguments, list, needs := map[string]any{}, []string{}, false
		for _, a := range prompt.Arguments {
			arguments[a.Name], list, needs = "a value", append(list, a.Name), needs || a.Required
		}
		p.add(prompt.Name, "prompts/get", map[string]any{"name": prompt.Name, "arguments": arguments})
		switch {
		case needs:
			p.refuse("prompts/get", map[string]any{"name": prompt.Name})
		case len(list) >= 2:
			p.prompt, p.arguments = prompt.Name, list
		}
	}
	if p.prompt == "" {
		return errors.New("there must be one with two arguments that are optional: the suite's scenarios need it")
	}
	return nil
}

// addTexts reads every agent or command, both as a resource and with the tool
// for it, and completes its name. The texts must be those of the bundle.
func (p *plan) addTexts(scheme, bundle string, entries []manifest.Entry) error {
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(bundle, filepath.FromSlash(e.Path)))
		if err != nil {
			return err
		}
		uri := scheme + "://" + e.Name
		p.Lists["resources"] = append(p.Lists["resources"], uri)
		p.add(uri, "resources/read", map[string]any{"uri": uri})
		p.Steps[len(p.Steps)-1].Text = string(text)
		p.call("get_"+scheme, map[string]any{"name": e.Name})
		p.Steps[len(p.Steps)-1].Text = string(text)
		p.add(uri, "completion/complete", map[string]any{
			"ref":      map[string]any{"type": "ref/resource", "uri": scheme + "://{name}"},
			"argument": map[string]any{"name": "name", "value": e.Name},
		})
	}
	return nil
}

// addLeniencies calls tools as models and older clients do.
func (p *plan) addLeniencies() {
	p.call("get_agent", map[string]any{"name": p.agent, "format": nil, "no-such-argument": true})
	p.call("search_agents", map[string]any{"query": p.agent, "limit": "5"})
	p.call("codeflow.registry.qa", nil)
}

// addRefusals asks for what there is not.
func (p *plan) addRefusals() {
	for _, c := range []struct {
		tool      string
		arguments map[string]any
	}{
		{"no_such_tool", nil},
		{"get_agent", nil},
		{"get_agent", map[string]any{"name": 1}},
		{"get_agent", map[string]any{"name": "no-such-agent"}},
		{"get_agent", map[string]any{"name": p.agent, "format": "no-such-format"}},
		{"get_command", map[string]any{"name": "../manifest.json"}},
		{"search_agents", map[string]any{"query": ""}},
		{"search_agents", map[string]any{"query": "x", "limit": 1e9}},
		{"validate_agent_file_access", map[string]any{"agentName": p.agent}},
		{"codeflow_registry_qa", map[string]any{"includeDetails": "yes"}},
	} {
		p.refuse("tools/call", map[string]any{"name": c.tool, "arguments": c.arguments})
	}
	p.refuse("prompts/get", map[string]any{"name": "no-such-prompt"})
	p.refuse("prompts/get", map[string]any{"name": p.prompt, "arguments": map[string]any{"no-such-argument": "x"}})
	for _, uri := range []string{"agent://no-such-agent", "agent://../manifest.json", "file:///etc/passwd", ""} {
		p.refuse("resources/read", map[string]any{"uri": uri})
	}
}

func (p *plan) refuse(method string, params any) {
	text, _ := json.Marshal(params) // made of texts and numbers
	p.Steps = append(p.Steps, step{Name: fmt.Sprintf("%s refuses %s", method, text), Method: method, Params: params, Refused: true})
}
