package sticky_test

import (
	"cmp"
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

	workflow = "github-actions[bot]" // who a workflow's token is
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
	// person or app is who asks; neither is told when both are "".
	person, app string
	calls       []string
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
		g.comments = append(g.comments, by(cmp.Or(g.person, g.app, workflow), sent.Body))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"html_url": "https://github.test/new"}`)
	case r.Method == http.MethodPatch:
		var id int
		_, _ = fmt.Sscanf(r.URL.Path, "/repos/o/r/issues/comments/%d", &id)
		g.comments[id].Body = sent.Body
		fmt.Fprintf(w, `{"html_url": "https://github.test/%d"}`, id)
	case r.URL.Path == "/user" && g.person != "":
		fmt.Fprintf(w, `{"login": %q}`, g.person)
	case r.URL.Path == "/user" && g.app != "":
		http.Error(w, `{"message": "Resource not accessible by integration"}`, http.StatusForbidden)
	case r.URL.Path == "/graphql" && g.app != "":
		fmt.Fprintf(w, `{"data": {"viewer": {"login": %q}}}`, g.app)
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
	mine := by(workflow, marker+"old")
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
		"another of the bot":   {[]entry{by(workflow, "<!-- other -->")}, -1, "https://github.test/new"},
		"a quote of its own":   {[]entry{by(workflow, "> "+marker)}, -1, "https://github.test/new"},
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
				before = append(before, by(workflow, ""))
			}
			before[c.edited].Body = marker + "new"
			assert.Equal(t, before, g.comments, "nothing else is touched")
		})
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	g := with(by(workflow, marker+"same"))
	address, err := post(t, g, marker+"same")
	require.NoError(t, err)
	assert.Equal(t, "https://github.test/0", address)
	assert.Equal(t, []string{"GET /repos/o/r/issues/7/comments?page=1&per_page=100", "GET /user"}, g.calls)
}

// Whoever the token is, its comment is one, and what others wrote is left alone.
func TestWhoWrote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		person, app, before string
		comments            int
	}{
		"a workflow":            {"", workflow, workflow, 1},
		"an App":                {"", "my-app[bot]", "my-app[bot]", 1},
		"an App after another":  {"", "my-app[bot]", workflow, 2},
		"a person":              {"ann", "", "ann", 1},
		"a person after an App": {"ann", "", "my-app[bot]", 2},
		"nobody knows":          {"", "", "my-app[bot]", 1},
		"nobody, after one":     {"", "", "ann", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := with(by(c.before, marker+"old"))
			g.person, g.app = c.person, c.app
			for _, text := range []string{"new", "newer"} {
				_, err := post(t, g, marker+text)
				require.NoError(t, err)
				for i := range g.comments {
					g.comments[i].ID = i
				}
			}
			require.Len(t, g.comments, c.comments)
			assert.Equal(t, marker+"newer", g.comments[c.comments-1].Body)
			if c.comments > 1 {
				assert.Equal(t, marker+"old", g.comments[0].Body)
			}
		})
	}
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
