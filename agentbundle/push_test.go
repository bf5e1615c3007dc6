// These tests push to a real registry handler on loopback. They do not prove
// anything about the limits and authentication of ECR.
package agentbundle_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var discard = log.New(io.Discard, "", 0)

// recorder is a registry that notes every write, in order.
type recorder struct {
	registry http.Handler

	mu     sync.Mutex
	refuse func(*http.Request) int // status to answer instead; 0 passes
	writes []string
}

func newRegistry(t *testing.T) (*recorder, name.Repository) {
	t.Helper()
	rec := &recorder{registry: registry.New(registry.WithReferrersSupport(true), registry.Logger(discard))}
	srv := httptest.NewServer(rec)
	t.Cleanup(srv.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(srv.URL, "http://") + "/codeflow")
	require.NoError(t, err)
	return rec, repo
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if status := r.note(req); status != 0 {
		w.WriteHeader(status)
		return
	}
	r.registry.ServeHTTP(w, req)
}

// note returns the status to refuse a request with, or notes its write.
func (r *recorder) note(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		if status := r.refuse(req); status != 0 {
			return status
		}
	}
	if req.Method == http.MethodPut {
		what := path.Base(path.Dir(req.URL.Path)) + " " + path.Base(req.URL.Path)
		if digest := req.URL.Query().Get("digest"); digest != "" {
			what = "blob " + digest
		}
		r.writes = append(r.writes, what)
	}
	return 0
}

func (r *recorder) setRefuse(refuse func(*http.Request) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// take returns the writes since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	writes := r.writes
	r.writes = nil
	return writes
}

func TestPush(t *testing.T) {
	t.Parallel()
	rec, repo := newRegistry(t)
	img := build(t, fixtureConfig())
	var complete, total int64
	require.NoError(t, img.Push(t.Context(), repo, authn.Anonymous, func(c, n int64) { complete, total = c, n }))

	writes := rec.take()
	require.Len(t, writes, 9) // server, agents layer, config, manifest, index, 3 of the SBOM, tag
	assert.Equal(t, "manifests "+img.Digest.String(), writes[4])
	assert.Equal(t, "manifests "+img.Tag, writes[8], "the tag comes last")
	assert.Positive(t, total)
	assert.Equal(t, total, complete)

	for _, ref := range []name.Reference{repo.Tag(img.Tag), repo.Digest(img.Digest.String())} {
		index, err := remote.Index(ref)
		require.NoError(t, err)
		require.NoError(t, validate.Index(index))
	}

	require.NoError(t, img.Push(t.Context(), repo, nil, nil))
	assert.Empty(t, rec.take(), "a second push writes nothing")
}

func TestPushFurtherTags(t *testing.T) {
	t.Parallel()
	rec, repo := newRegistry(t)
	img := build(t, fixtureConfig())
	require.NoError(t, img.Push(t.Context(), repo, nil, nil))
	rec.take()
	for range 2 {
		require.NoError(t, img.Push(t.Context(), repo, nil, nil, "blue-1"))
	}
	assert.Equal(t, []string{"manifests blue-1"}, rec.take(), "only the tag is new, and only once")
}

func TestPushOneChangedAgent(t *testing.T) {
	t.Parallel()
	rec, repo := newRegistry(t)
	require.NoError(t, build(t, fixtureConfig()).Push(t.Context(), repo, nil, nil))
	rec.take()

	img := build(t, editedConfig(t))
	require.NoError(t, img.Push(t.Context(), repo, nil, nil))

	m, err := platformImage(t, img.Index, "amd64").Manifest()
	require.NoError(t, err)
	var blobs []string
	for _, w := range rec.take() {
		if strings.HasPrefix(w, "blob ") {
			blobs = append(blobs, w)
		}
	}
	assert.ElementsMatch(t, []string{"blob " + m.Config.Digest.String(), "blob " + m.Layers[1].Digest.String()}, blobs)
}

func TestPushTagIsTaken(t *testing.T) {
	t.Parallel()
	rec, repo := newRegistry(t)
	img := build(t, fixtureConfig())
	other, err := random.Image(64, 1)
	require.NoError(t, err)
	require.NoError(t, remote.Write(repo.Tag(img.Tag), other))
	rec.take()

	err = img.Push(t.Context(), repo, nil, nil)
	assert.ErrorContains(t, err, "not "+img.Digest.String()+": tags are immutable")
	assert.Empty(t, rec.take())
}

func TestPushRefused(t *testing.T) {
	t.Parallel()
	img := build(t, fixtureConfig())
	isTag := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, img.Tag) }
	tests := map[string]struct {
		refuse func(*http.Request) int
		want   string
	}{
		"look-up": {
			func(r *http.Request) int { return when(isTag(r) && r.Method == http.MethodHead, http.StatusForbidden) },
			"looking for the tag",
		},
		"upload": {
			func(r *http.Request) int { return when(r.Method == http.MethodPost, http.StatusForbidden) },
			"pushing",
		},
		"tag": {
			func(r *http.Request) int { return when(isTag(r) && r.Method == http.MethodPut, http.StatusForbidden) },
			"tagging",
		},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			rec, repo := newRegistry(t)
			rec.setRefuse(tt.refuse)
			assert.ErrorContains(t, img.Push(t.Context(), repo, nil, nil), tt.want)

			rec.setRefuse(nil)
			_, err := remote.Head(repo.Tag(img.Tag))
			require.Error(t, err, "no tag after a failed push")
			require.NoError(t, img.Push(t.Context(), repo, nil, nil), "a repeated push completes")
			require.NoError(t, complete(t.Context(), repo, img))
		})
	}
}

func TestPushRetries(t *testing.T) {
	t.Parallel()
	rec, repo := newRegistry(t)
	var once sync.Once
	rec.setRefuse(func(r *http.Request) (status int) {
		if r.Method == http.MethodPut {
			once.Do(func() { status = http.StatusServiceUnavailable })
		}
		return status
	})
	img := build(t, fixtureConfig())
	require.NoError(t, img.Push(t.Context(), repo, nil, nil))
	require.NoError(t, complete(t.Context(), repo, img))
}

func when(refuse bool, status int) int {
	if refuse {
		return status
	}
	return 0
}
