package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// maxQuery bounds what is searched for, in bytes; the form sends no more.
const maxQuery = 200

// perPage is how many agents a page lists at most.
const perPage = 60

// list is the first page: all agents and commands, or those that fit.
type list struct {
	Query      string
	Category   string
	Tag        string
	Categories []string

	Agents         []*catalog.Agent // of this page
	Commands       []*catalog.Command
	Found          int // agents on all pages
	Page, Pages    int
	Previous, Next string // where those pages are; empty for none

	AgentUses, CommandUses map[string]int64
}

func (s *site) index(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.FormValue("q"))
	l := list{
		Query:    strings.ToValidUTF8(query[:min(len(query), maxQuery)], ""),
		Category: r.FormValue("category"), Tag: r.FormValue("tag"),
		Agents: s.catalog.Agents, Commands: s.catalog.Commands,
		AgentUses: s.agents.get(r.Context()), CommandUses: s.commands.get(r.Context()),
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
	if l.Category != "" || l.Tag != "" { // only agents have them
		l.Agents = slices.DeleteFunc(slices.Clone(l.Agents), func(a *catalog.Agent) bool {
			return l.Category != "" && a.Category != l.Category || l.Tag != "" && !slices.Contains(a.Tags, l.Tag)
		})
		l.Commands = nil
	}
	l.turn(r.URL.Query())
	s.show(w, r, "index.html", "Agents and commands", l)
}

// turn leaves the agents of one page. Commands are few, and on the first.
func (l *list) turn(query url.Values) {
	l.Found = len(l.Agents)
	l.Pages = max(1, (l.Found+perPage-1)/perPage)
	l.Page, _ = strconv.Atoi(query.Get("page"))
	l.Page = min(max(l.Page, 1), l.Pages)
	l.Agents = l.Agents[(l.Page-1)*perPage : min(l.Page*perPage, l.Found)]
	to := func(page int) string {
		query.Set("page", strconv.Itoa(page))
		return "/?" + query.Encode()
	}
	if l.Page > 1 {
		l.Previous, l.Commands = to(l.Page-1), nil
	}
	if l.Page < l.Pages {
		l.Next = to(l.Page + 1)
	}
}

// search returns the agents and commands that fit best.
func (s *site) search(query string) (agents []*catalog.Agent, commands []*catalog.Command) {
	for _, hit := range s.catalog.Search(query, len(s.catalog.Agents)) {
		agents = append(agents, hit.Agent)
	}
	return agents, s.catalog.SearchCommands(query, len(s.catalog.Commands))
}
