// Package sticky keeps one comment of a pull request, or one issue, up to date: it
// edits the one that it wrote before, and writes it when there is none.
package sticky

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

const (
	// API is GitHub's own; a GitHub Enterprise Server has another.
	API      = "https://api.github.com"
	perPage  = 100
	maxPages = 100      // 10,000 comments
	maxBody  = 16 << 20 // of a page, in bytes
	maxQuote = 300      // of an answer, in bytes
)

// Client writes comments of one repository.
type Client struct {
	// API is the URL of the API. Default [API].
	API string
	// Repository, such as owner/name. Required.
	Repository string
	// Token of the workflow, with the permission pull-requests: write. Required.
	Token string
	// Author whose comments are edited. Default: whoever the token is.
	Author string
	// HTTP sends the requests. Default [http.DefaultClient].
	HTTP *http.Client
}

// entry is a comment or an issue.
type entry struct {
	ID     int64  `json:"id"`
	Number int    `json:"number"` // of an issue
	Body   string `json:"body"`
	User   struct {
		Login string `json:"login"`
	} `json:"user"`
	URL string `json:"html_url"`
}

var repository = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

// check says what is missing.
func (c *Client) check() error {
	var errs []error
	if !repository.MatchString(c.Repository) {
		errs = append(errs, fmt.Errorf("repository must be owner/name, got %q: set --repo or GITHUB_REPOSITORY", c.Repository))
	}
	if c.Token == "" {
		errs = append(errs, errors.New("GITHUB_TOKEN must be set, with the permission pull-requests: write"))
	}
	return errors.Join(errs...)
}

// Post makes body the comment of a pull request that begins with the marker, as body
// must, and returns its address. What others wrote is left alone, whatever it begins
// with: they could change it again.
func (c *Client) Post(ctx context.Context, pull int, marker, body string) (address string, err error) {
	if err := c.check(); err != nil {
		return "", err
	}
	if marker == "" || !strings.HasPrefix(body, marker) {
		return "", fmt.Errorf("the comment must begin with %q, or it would not be found again", marker)
	}
	comments := fmt.Sprintf("/repos/%s/issues/%d/comments", c.Repository, pull)
	own, err := c.find(ctx, comments, marker)
	if err != nil {
		return "", err
	}
	method, path := http.MethodPost, comments
	if own != nil {
		if own.Body == body {
			return own.URL, nil
		}
		method, path = http.MethodPatch, fmt.Sprintf("/repos/%s/issues/comments/%d", c.Repository, own.ID)
	}
	var written entry
	err = c.call(ctx, method, path, map[string]string{"body": body}, &written)
	return written.URL, err
}

// Issue makes body the open issue that begins with the marker, as body must, and
// returns its address. An empty body closes it, if it is there.
// https://docs.github.com/en/rest/issues/issues
func (c *Client) Issue(ctx context.Context, title, marker, body string) (address string, err error) {
	if err := c.check(); err != nil {
		return "", err
	}
	if marker == "" || body != "" && !strings.HasPrefix(body, marker) {
		return "", fmt.Errorf("the issue must begin with %q, or it would not be found again", marker)
	}
	issues := fmt.Sprintf("/repos/%s/issues", c.Repository)
	own, err := c.find(ctx, issues, marker)
	if err != nil || own == nil && body == "" {
		return "", err
	}
	method, path, fields := http.MethodPost, issues, map[string]string{"title": title, "body": body}
	if own != nil {
		method, path = http.MethodPatch, fmt.Sprintf("%s/%d", issues, own.Number)
	}
	if body == "" {
		fields = map[string]string{"state": "closed"}
	}
	var written entry
	err = c.call(ctx, method, path, fields, &written)
	return written.URL, err
}

// Pull asks to merge a branch into base, and returns the address of the request.
// https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request
func (c *Client) Pull(ctx context.Context, branch, base, title string) (address string, err error) {
	if err := c.check(); err != nil {
		return "", err
	}
	var written entry
	err = c.call(ctx, http.MethodPost, fmt.Sprintf("/repos/%s/pulls", c.Repository),
		map[string]string{"head": branch, "base": base, "title": title}, &written)
	return written.URL, err
}

// find returns the first own comment or issue of a list that begins with the marker,
// or nil. Who we are is asked when there is something to tell apart.
// https://docs.github.com/en/rest/issues/comments#list-issue-comments
func (c *Client) find(ctx context.Context, list, marker string) (*entry, error) {
	var mine func(login string) bool
	for page := 1; page <= maxPages; page++ {
		query := url.Values{"per_page": {fmt.Sprint(perPage)}, "page": {fmt.Sprint(page)}}
		var entries []entry
		if err := c.call(ctx, http.MethodGet, list+"?"+query.Encode(), nil, &entries); err != nil {
			return nil, err
		}
		for _, found := range entries {
			if !strings.HasPrefix(found.Body, marker) {
				continue
			}
			if mine == nil {
				mine = c.mine(ctx)
			}
			if mine(found.User.Login) {
				return &found, nil
			}
		}
		if len(entries) < perPage {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%s has more than %d entries", list, maxPages*perPage)
}

// mine tells our own login. A person's token may ask who it is; an App's, of which a
// workflow's is one, is told by GraphQL only. Where neither answers, it is a bot's: what
// people wrote is left alone.
// https://docs.github.com/en/rest/authentication/endpoints-available-for-github-app-installation-access-tokens
func (c *Client) mine(ctx context.Context) func(login string) bool {
	is := func(own string) func(string) bool { return func(login string) bool { return login == own } }
	if c.Author != "" {
		return is(c.Author)
	}
	var person struct {
		Login string `json:"login"`
	}
	err := c.call(ctx, http.MethodGet, "/user", nil, &person)
	if err == nil && person.Login != "" {
		return is(person.Login)
	}
	var app struct {
		Data struct {
			Viewer struct {
				Login string `json:"login"`
			} `json:"viewer"`
		} `json:"data"`
	}
	if forbidden := new(statusError); errors.As(err, &forbidden) && forbidden.status == http.StatusForbidden {
		server := *c // an Enterprise Server has it beside /api/v3
		server.API = strings.TrimSuffix(strings.TrimSuffix(cmp.Or(c.API, API), "/"), "/v3")
		err = server.call(ctx, http.MethodPost, "/graphql", map[string]string{"query": "{viewer{login}}"}, &app)
		if own := app.Data.Viewer.Login; err == nil && own != "" {
			return is(own)
		}
	}
	return func(login string) bool { return strings.HasSuffix(login, "[bot]") } // no person's login has brackets
}

// call sends a request of the API's and reads the answer.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // a map of texts
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(cmp.Or(c.API, API), "/")+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("asking GitHub: %w", err)
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("Authorization", "Bearer "+c.Token)
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	response, err := cmp.Or(c.HTTP, http.DefaultClient).Do(request)
	if err != nil {
		return fmt.Errorf("asking GitHub: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return fmt.Errorf("reading GitHub's answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return refused(method, path, response, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading GitHub's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// fixes by status.
var fixes = map[int]string{
	http.StatusUnauthorized: "GITHUB_TOKEN is wrong or has expired",
	http.StatusForbidden: "GITHUB_TOKEN needs the permission pull-requests: write (issues: write for an issue), which a workflow never has for a pull request of a fork; " +
		"or the limit of requests is reached",
	http.StatusNotFound:            "check --repo and --pull, and that GITHUB_TOKEN may see the repository",
	http.StatusUnprocessableEntity: "the text may be longer than 65,536 characters, or the branch has a pull request already",
}

// statusError is an answer that is no success.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func refused(method, path string, response *http.Response, answer []byte) error {
	var said struct{ Message string }
	if json.Unmarshal(answer, &said) != nil || said.Message == "" {
		said.Message = fmt.Sprintf("%.*s", maxQuote, answer)
	}
	var err error = &statusError{response.StatusCode, fmt.Sprintf("%s %s: GitHub answered %s: %q", method, path, response.Status, said.Message)}
	if fix := fixes[response.StatusCode]; fix != "" {
		err = fmt.Errorf("%w: %s", err, fix)
	}
	return err
}
