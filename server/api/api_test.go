package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/api"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

func newAPI(t *testing.T, opts *api.Options) http.Handler {
	t.Helper()
	c, err := catalog.Load(bundletest.Small(t))
	require.NoError(t, err)
	return api.New(c, opts)
}

func get(handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	handler := newAPI(t, nil)
	for path, tc := range map[string]struct {
		status   int
		contains string
	}{
		"/api/v1/manifest":                             {200, `"bundleDigest":"sha256:`},
		"/api/v1/agents":                               {200, `{"agents":[{"name":"api-builder","description":"Builds APIs.",`},
		"/api/v1/agents/seo-master":                    {200, `"text":"---\nname: seo-master`},
		"/api/v1/agents/seo-master?format=base":        {200, "---\nname: seo-master"},
		"/api/v1/agents/seo-master?format=claude-code": {200, "tools: read"},
		"/api/v1/agents/seo-master?format=vim":         {400, `format must be one of base, claude-code, opencode, got \"vim\"`},
		"/api/v1/agents/nobody":                        {404, `no agent is named \"nobody\"`},
		"/api/v1/agents/..%2fplan":                     {404, `no agent is named \"../plan\"`},
		"/api/v1/commands":                             {200, `"inputs":[{"name":"ticket","type":"string","required":true,"description":"What for."}`},
		"/api/v1/commands/plan":                        {200, `"text":"---\nname: plan`},
		"/api/v1/commands/plan?format=base":            {200, "---\nname: plan"},
		"/api/v1/commands/plan?format=opencode":        {400, `format must be base, got \"opencode\"`},
		"/api/v1/commands/nothing":                     {404, "no command is named"},
		"/api/v1/usage/agents":                         {503, "usage is off: the server has no database"},
		"/api/v1/usage/everything":                     {404, "usage is of agents, commands or tools"},
		"/api/v1/":                                     {404, `nothing is at \"/api/v1/\"`},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			rec := get(handler, path)
			assert.Equal(t, tc.status, rec.Code)
			assert.Contains(t, rec.Body.String(), tc.contains)
			if tc.status != 200 {
				assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
				assert.True(t, json.Valid(rec.Body.Bytes()))
				return
			}
			tag := rec.Header().Get("Etag")
			assert.Regexp(t, `^"[0-9a-f]{64}-[a-z-]+"$`, tag)
			again := get(handler, path, "If-None-Match", tag)
			assert.Equal(t, http.StatusNotModified, again.Code)
			assert.Empty(t, again.Body.String())
		})
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/agents", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, rec.Code)
	rec = httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodHead, "/api/v1/agents", nil))
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Empty(t, rec.Body.String())
}

func TestDownload(t *testing.T) {
	t.Parallel()
	rec := get(newAPI(t, nil), "/api/v1/agents/seo-master?format=opencode")
	assert.Equal(t, "text/markdown; charset=utf-8", rec.Header().Get("Content-Type"))
	assert.Equal(t, `attachment; filename="seo-master.md"`, rec.Header().Get("Content-Disposition"))
}

func TestUsage(t *testing.T) {
	t.Parallel()
	var since time.Time
	var failure error
	handler := newAPI(t, &api.Options{
		Top: func(_ context.Context, kind string, from time.Time, limit int) ([]usage.Count, error) {
			assert.Equal(t, usage.KindAgent, kind)
			assert.Equal(t, 3, limit)
			since = from
			return []usage.Count{{Name: "seo-master", Uses: 2, MeanMS: 0.5}}, failure
		},
	})
	rec := get(handler, "/api/v1/usage/agents?days=7&limit=3")
	assert.JSONEq(t, `{"days": 7, "usage": [{"name": "seo-master", "uses": 2, "meanMs": 0.5}]}`, rec.Body.String())
	assert.WithinDuration(t, time.Now().AddDate(0, 0, -7), since, time.Minute)
	for query, want := range map[string]string{
		"days=0":    `days must be a number from 1 to 365, got \"0\"`,
		"days=366":  "days must be",
		"limit=x":   "limit must be a number from 1 to 100",
		"limit=101": "limit must be",
	} {
		rec := get(handler, "/api/v1/usage/agents?"+query)
		assert.Equal(t, http.StatusBadRequest, rec.Code)
		assert.Contains(t, rec.Body.String(), want)
	}
	failure = errors.New("password of postgres://user:secret@host")
	rec = get(handler, "/api/v1/usage/agents?limit=3")
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.NotContains(t, rec.Body.String(), "secret")
}

type recorder struct{ events []usage.Event }

func (r *recorder) Record(e usage.Event) { r.events = append(r.events, e) }

func TestRecords(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	handler := newAPI(t, &api.Options{Recorder: r})
	get(handler, "/api/v1/agents/seo-master", "User-Agent", "curl/8.0 (linux)")
	get(handler, "/api/v1/agents/nobody")
	get(handler, "/api/v1/commands/plan")
	require.Len(t, r.events, 2)
	assert.Equal(t, "seo-master", r.events[0].Name)
	assert.Equal(t, "curl/8.0", r.events[0].Client)
	assert.Equal(t, usage.KindCommand, r.events[1].Kind)
}
