package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// tokenVariable is the environment variable that snippets take a token from.
const tokenVariable = "CODEFLOW_TOKEN"

// detail is the page of one agent or command.
type detail[T any] struct {
	Item      *T
	Followups []*catalog.Agent
	Downloads []download
	Snippets  []snippet
	Body      template.HTML
}

type download struct{ Name, URL string }

// snippet is a text to copy.
type snippet struct {
	Name string
	Note string // where it goes; optional
	Text string
}

// tools are the tools that read a format of [catalog.Formats], with their
// folders in a project. No tool reads the base format itself.
var tools = map[string]struct{ name, agents, commands string }{
	"claude-code": {"Claude Code", ".claude/agents", ".claude/commands"},
	"opencode":    {"opencode", ".opencode/agent", ".opencode/command"},
}

func (s *site) agent(w http.ResponseWriter, r *http.Request) {
	a := s.catalog.Agent(r.PathValue("name"))
	if a == nil {
		s.notFound(w, r)
		return
	}
	d := detail[catalog.Agent]{Item: a, Body: s.bodies[a.Digest]()}
	for _, name := range a.Followups {
		if next := s.catalog.Agent(name); next != nil && next != a {
			d.Followups = append(d.Followups, next)
		}
	}
	for _, format := range catalog.Formats() {
		address := "/api/v1/agents/" + url.PathEscape(a.Name) + "?format=" + format
		d.Downloads = append(d.Downloads, download{format, address})
		if tool, ok := tools[format]; ok {
			d.Snippets = append(d.Snippets, snippet{Name: tool.name, Text: s.fetch(r, address, tool.agents, a.Name)})
		}
	}
	s.show(w, r, "agent.html", a.Name, d)
}

func (s *site) command(w http.ResponseWriter, r *http.Request) {
	k := s.catalog.Command(r.PathValue("name"))
	if k == nil {
		s.notFound(w, r)
		return
	}
	address := "/api/v1/commands/" + url.PathEscape(k.Name) + "?format=" + catalog.Base
	d := detail[catalog.Command]{Item: k, Downloads: []download{{"Markdown", address}}, Body: s.bodies[k.Digest]()}
	for _, format := range catalog.Formats() { // every tool reads the same text
		if tool, ok := tools[format]; ok {
			d.Snippets = append(d.Snippets, snippet{Name: tool.name, Text: s.fetch(r, address, tool.commands, k.Name)})
		}
	}
	s.show(w, r, "command.html", k.Name, d)
}

// fetch returns the shell command that puts the file at an address into a
// folder. An escaped name holds nothing that ends the quotes.
func (s *site) fetch(r *http.Request, address, folder, name string) string {
	token := ""
	if s.opts.TokensRequired {
		token = fmt.Sprintf(" -H \"Authorization: Bearer $%s\"", tokenVariable)
	}
	return fmt.Sprintf("curl -fsS --create-dirs%s \\\n  -o '%s/%s.md' \\\n  '%s%s'", token, folder, url.PathEscape(name), s.base(r), address)
}
