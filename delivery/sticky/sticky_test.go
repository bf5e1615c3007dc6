package sticky_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/sticky"
)

const (
	marker = "<!-- test -->"
	token  = "ghs_secret"
)

type entry struct {
	ID   int               `json:"id"`
	Body string            `json:"body"`
	User map[string]string `json:"user"`
	URL  string            `json:"html_url"`
}

func by(login, body string) entry {
	return entry{Body: body, User: map[string]string{"login": login}}
}

// github has the comments of pull request 7 of o/r.
type github struct {
	comments []entry
	calls    []string
}

func (g *github) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.calls = append(g.calls, r.Method+" "+r.URL.RequestURI())
	if r.Header.Get("Authorization") != "Bearer "+token {
		http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	var sent struct{ Body string }
	if r.Method != http.MethodGet {
		_ = json.NewDecoder(r.Body).Decode(&sent)
	}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/repos/o/r/issues/7/comments":
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
		from := min((page-1)*size, len(g.comments))
		_ = json.NewEncoder(w).Encode(g.comments[from:min(from+size, len(g.comments))])
	case r.Method == http.MethodPost && r.URL.Path == "/repos/o/r/issues/7/comments":
		g.comments = append(g.comments, by(sticky.Author, sent.Body))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"html_url": "https://github.test/new"}`)
	case r.Method == http.MethodPatch:
		var id int
		_, _ = fmt.Sscanf(r.URL.Path, "/repos/o/r/issues/comments/%d", &id)
		g.comments[id].Body = sent.Body
		fmt.Fprintf(w, `{"html_url": "https://github.test/%d"}`, id)
	default:
		http.NotFound(w, r)
	}
}

func post(t *testing.T, g http.Handler, body string) (string, error) {
	t.Helper()
	srv := httptest.NewServer(g)
	defer srv.Close()
	client := &sticky.Client{API: srv.URL + "/", Repository: "o/r", Token: token}
	return client.Post(t.Context(), 7, marker, body)
}

// with numbers the comments.
func with(comments ...entry) *github {
	for i := range comments {
		comments[i].ID = i
		comments[i].URL = fmt.Sprintf("https://github.test/%d", i)
	}
	return &github{comments: comments}
}

func TestPost(t *testing.T) {
	t.Parallel()
	mine := by(sticky.Author, marker+"old")
	var many []entry
	for range 250 {
		many = append(many, by("somebody", "hello"))
	}
	for name, c := range map[string]struct {
		comments []entry
		edited   int // -1: a new one
		address  string
	}{
		"the first":            {nil, -1, "https://github.test/new"},
		"its own":              {[]entry{by("a", "x"), mine}, 1, "https://github.test/1"},
		"on the last page":     {append(append([]entry{}, many...), mine), 250, "https://github.test/250"},
		"a full page, no own":  {many[:100:100], -1, "https://github.test/new"},
		"somebody's marker":    {[]entry{by("evil", marker+"old")}, -1, "https://github.test/new"},
		"another of the bot":   {[]entry{by(sticky.Author, "<!-- other -->")}, -1, "https://github.test/new"},
		"a quote of its own":   {[]entry{by(sticky.Author, "> "+marker)}, -1, "https://github.test/new"},
		"behind somebody else": {[]entry{by("evil", marker), mine}, 1, "https://github.test/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := with(c.comments...)
			before := append([]entry{}, g.comments...)
			address, err := post(t, g, marker+"new")
			require.NoError(t, err)
			assert.Equal(t, c.address, address)
			if c.edited < 0 {
				c.edited = len(before)
				before = append(before, by(sticky.Author, ""))
			}
			before[c.edited].Body = marker + "new"
			assert.Equal(t, before, g.comments, "nothing else is touched")
		})
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	g := with(by(sticky.Author, marker+"same"))
	address, err := post(t, g, marker+"same")
	require.NoError(t, err)
	assert.Equal(t, "https://github.test/0", address)
	assert.Equal(t, []string{"GET /repos/o/r/issues/7/comments?page=1&per_page=100"}, g.calls)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	for want, handler := range map[string]http.Handler{
		`GitHub answered 403 Forbidden: "Resource not accessible by integration": GITHUB_TOKEN needs the permission pull-requests: write`: answer(403, `{"message": "Resource not accessible by integration"}`),
		`GitHub answered 404 Not Found: "Not Found": check --repo and --pull`:                                                             answer(404, `{"message": "Not Found"}`),
		`GitHub answered 502 Bad Gateway: "<html>"`:                                                                                       answer(502, "<html>"),
		"reading GitHub's answer to GET ":                                                                                                 answer(200, "<html>"),
	} {
		_, err := post(t, handler, marker)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), token)
	}
	_, err := post(t, with(), "no marker")
	require.ErrorContains(t, err, "the comment must begin with")
	_, err = (&sticky.Client{Repository: "o"}).Post(t.Context(), 7, marker, marker)
	require.ErrorContains(t, err, `repository must be owner/name, got "o"`)
	require.ErrorContains(t, err, "GITHUB_TOKEN must be set")
}
