// Package githubtest answers as GitHub's REST API does, as far as delivery/sticky
// asks it: comments of pull requests, issues and pull requests of one repository.
package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// Entry is a comment, an issue or a pull request.
type Entry struct {
	ID     int               `json:"id"`
	Number int               `json:"number"`
	Title  string            `json:"title,omitempty"`
	Body   string            `json:"body"`
	State  string            `json:"state,omitempty"`
	Head   string            `json:"head,omitempty"`
	User   map[string]string `json:"user"`
	URL    string            `json:"html_url"`
}

// GitHub is an http.Handler. Its zero value has nothing yet.
type GitHub struct {
	// Author writes everything.
	Author string

	mu       sync.Mutex
	comments map[int][]*Entry
	issues   []*Entry
	pulls    []*Entry
}

// Comments are those of a pull request.
func (g *GitHub) Comments(pull int) []Entry {
	return g.list(func() []*Entry { return g.comments[pull] })
}

// Issues are the open and the closed ones.
func (g *GitHub) Issues() []Entry { return g.list(func() []*Entry { return g.issues }) }

// Pulls are the pull requests.
func (g *GitHub) Pulls() []Entry { return g.list(func() []*Entry { return g.pulls }) }

func (g *GitHub) list(of func() []*Entry) (all []Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, entry := range of() {
		all = append(all, *entry)
	}
	return all
}

func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	const repository = "/repos/{owner}/{name}"
	mux.HandleFunc("GET "+repository+"/issues/{pull}/comments", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, g.comments[number(r, "pull")])
	})
	mux.HandleFunc("POST "+repository+"/issues/{pull}/comments", func(w http.ResponseWriter, r *http.Request) {
		if g.comments == nil {
			g.comments = map[int][]*Entry{}
		}
		pull := number(r, "pull")
		g.comments[pull] = g.add(w, r, g.comments[pull])
	})
	mux.HandleFunc("PATCH "+repository+"/issues/comments/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, comments := range g.comments {
			edit(w, r, comments, func(e *Entry) bool { return e.ID == number(r, "id") })
		}
	})
	mux.HandleFunc("GET "+repository+"/issues", func(w http.ResponseWriter, r *http.Request) {
		var open []*Entry
		for _, issue := range g.issues {
			if issue.State == "open" {
				open = append(open, issue)
			}
		}
		page(w, r, open)
	})
	mux.HandleFunc("POST "+repository+"/issues", func(w http.ResponseWriter, r *http.Request) { g.issues = g.add(w, r, g.issues) })
	mux.HandleFunc("PATCH "+repository+"/issues/{number}", func(w http.ResponseWriter, r *http.Request) {
		edit(w, r, g.issues, func(e *Entry) bool { return e.Number == number(r, "number") })
	})
	mux.HandleFunc("POST "+repository+"/pulls", func(w http.ResponseWriter, r *http.Request) { g.pulls = g.add(w, r, g.pulls) })
	g.mu.Lock()
	defer g.mu.Unlock()
	mux.ServeHTTP(w, r)
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.PathValue(name))
	return n
}

func page(w http.ResponseWriter, r *http.Request, all []*Entry) {
	at, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	from := min((at-1)*size, len(all))
	_ = json.NewEncoder(w).Encode(append([]*Entry{}, all[from:min(from+size, len(all))]...))
}

func (g *GitHub) add(w http.ResponseWriter, r *http.Request, all []*Entry) []*Entry {
	entry := &Entry{State: "open", User: map[string]string{"login": g.Author}}
	if err := json.NewDecoder(r.Body).Decode(entry); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return all
	}
	entry.Number = len(all) + 1
	entry.ID, entry.URL = entry.Number, fmt.Sprintf("https://github.test%s/%d", r.URL.Path, entry.Number)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(entry)
	return append(all, entry)
}

func edit(w http.ResponseWriter, r *http.Request, all []*Entry, which func(*Entry) bool) {
	for _, entry := range all {
		if which(entry) {
			_ = json.NewDecoder(r.Body).Decode(entry)
			_ = json.NewEncoder(w).Encode(entry)
			return
		}
	}
}
