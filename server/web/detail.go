package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// tokenVariable is the environment variable that snippets take a token from.
const tokenVariable = "CODEFLOW_TOKEN"

// bundleDirectory is what agentbundle makes of personal directories.
const bundleDirectory = "/bundle"

// detail is the page of one agent or command.
type detail[T any] struct {
	Item      *T
	Uses      int64
	Places    []string // that an agent may touch
	Followups []*catalog.Agent
	Downloads []download
	Snippets  []snippet
	Body      document
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
	d := detail[catalog.Agent]{Item: a, Uses: s.agents.get(r.Context())[a.Name], Body: s.bodies[a.Digest]()}
	for _, directory := range a.AllowedDirectories {
		d.Places = append(d.Places, place(directory))
	}
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
	d := detail[catalog.Command]{
		Item: k, Uses: s.commands.get(r.Context())[k.Name], Downloads: []download{{"Markdown", address}}, Body: s.bodies[k.Digest](),
	}
	for _, format := range catalog.Formats() { // every tool reads the same text
		if tool, ok := tools[format]; ok {
			d.Snippets = append(d.Snippets, snippet{Name: tool.name, Text: s.fetch(r, address, tool.commands, k.Name)})
		}
	}
	s.show(w, r, "command.html", k.Name, d)
}

// place is how people are told of a directory: where the bundle is in the
// container means nothing to them.
func place(directory string) string {
	inside, ok := strings.CutPrefix(directory, bundleDirectory)
	switch inside = strings.Trim(inside, "/"); {
	case !ok || inside != "" && !strings.HasPrefix(directory, bundleDirectory+"/"):
		return directory
	case inside == "":
		return "the bundle"
	}
	return inside + " of the bundle"
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
