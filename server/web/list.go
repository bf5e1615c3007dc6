package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// maxQuery bounds what is searched for, in bytes; the form sends no more.
const maxQuery = 200

// list is the first page: all agents and commands, or those that fit.
type list struct {
	Query      string
	Category   string
	Categories []string
	Agents     []*catalog.Agent
	Commands   []*catalog.Command
}

func (s *site) index(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.FormValue("q"))
	l := list{
		Query:    strings.ToValidUTF8(query[:min(len(query), maxQuery)], ""),
		Category: r.FormValue("category"),
		Agents:   s.catalog.Agents,
		Commands: s.catalog.Commands,
	}
	for _, a := range s.catalog.Agents {
		if a.Category != "" && !slices.Contains(l.Categories, a.Category) {
			l.Categories = append(l.Categories, a.Category)
		}
	}
	slices.Sort(l.Categories)
	if l.Query != "" {
		l.Agents, l.Commands = s.search(l.Query)
	}
	if l.Category != "" { // only agents have one
		l.Agents = slices.DeleteFunc(slices.Clone(l.Agents), func(a *catalog.Agent) bool { return a.Category != l.Category })
		l.Commands = nil
	}
	s.show(w, r, "index.html", "Agents and commands", l)
}

// search returns the agents that fit best, and the commands whose name or
// description has every word.
func (s *site) search(query string) (agents []*catalog.Agent, commands []*catalog.Command) {
	for _, hit := range s.catalog.Search(query, len(s.catalog.Agents)) {
		agents = append(agents, hit.Agent)
	}
	words := strings.Fields(strings.ToLower(query))
	for _, k := range s.catalog.Commands {
		text := strings.ToLower(k.Name + " " + k.Description)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			commands = append(commands, k)
		}
	}
	return agents, commands
}
