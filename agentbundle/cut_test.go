// A push that is cut at every request. The registry is in memory: it does not
// prove that a real one keeps what it acknowledged.
package agentbundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// cuts are the ways in which a request can fail on its way.
var cuts = map[string]func(w http.ResponseWriter, r *http.Request, registry http.Handler){
	"the request is lost": func(http.ResponseWriter, *http.Request, http.Handler) {},
	"the answer is lost": func(_ http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(httptest.NewRecorder(), r)
	},
	"half of the request arrives": func(_ http.ResponseWriter, r *http.Request, registry http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			return // unlike a real one, this registry would keep half a manifest
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), failing{}))
		registry.ServeHTTP(httptest.NewRecorder(), r)
	},
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPushCutAtEveryRequest(t *testing.T) {
	t.Parallel()
	img := build(t, fixtureConfig())
	for _, tt := range []struct{ referrers, killed bool }{{true, false}, {false, true}} {
		total, err := pushCut(t.Context(), img, tt.referrers, 0, nil, false)
		require.NoError(t, err)
		require.Greater(t, total, 20)

		// Many at the same time: a client that lives waits before it retries.
		slots := make(chan struct{}, 24)
		var wg sync.WaitGroup
		for how, cut := range cuts {
			for at := range total {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					_, err := pushCut(t.Context(), img, tt.referrers, int64(at+1), cut, tt.killed)
					assert.NoError(t, err, "%s: request %d of %d, %+v", how, at+1, total, tt)
				})
			}
		}
		wg.Wait()
	}
}

// pushCut pushes to a new registry, cuts one request, which may kill the
// client too, and pushes again. It returns the number of requests of the first
// push.
func pushCut(
	ctx context.Context, img *agentbundle.Image, referrers bool, at int64, cut func(http.ResponseWriter, *http.Request, http.Handler), killed bool,
) (int, error) {
	handler := registry.New(registry.WithReferrersSupport(referrers), registry.Logger(discard))
	client, kill := context.WithCancel(ctx)
	defer kill()
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) != at {
			handler.ServeHTTP(w, r)
			return
		}
		cut(w, r, handler)
		if killed {
			kill()
		}
		panic(http.ErrAbortHandler) // closes the connection
	}))
	defer srv.Close()
	repo, err := name.NewRepository(strings.TrimPrefix(srv.URL, "http://") + "/codeflow")
	if err != nil {
		return 0, err
	}

	first := img.Push(client, repo, nil, nil)
	total := int(requests.Load())
	if first == nil {
		return total, complete(ctx, repo, img)
	}
	if !strings.Contains(first.Error(), img.Tag) && !strings.Contains(first.Error(), img.Digest.String()) {
		return total, fmt.Errorf("the error does not say what failed: %w", first)
	}
	if _, err := remote.Head(repo.Tag(img.Tag), remote.WithContext(ctx)); err == nil {
		if err := complete(ctx, repo, img); err != nil {
			return total, fmt.Errorf("a tag on an incomplete image after %w: %w", first, err)
		}
	}
	if err := img.Push(ctx, repo, nil, nil); err != nil {
		return total, fmt.Errorf("the second push: %w", err)
	}
	return total, complete(ctx, repo, img)
}

// complete returns an error unless the tag names the whole image, and its
// SBOM refers to it.
func complete(ctx context.Context, repo name.Repository, img *agentbundle.Image) error {
	index, err := remote.Index(repo.Tag(img.Tag), remote.WithContext(ctx))
	if err != nil {
		return err
	}
	if err := validate.Index(index); err != nil {
		return err
	}
	list, err := remote.Referrers(repo.Digest(img.Digest.String()), remote.WithContext(ctx))
	if err != nil {
		return err
	}
	m, err := list.IndexManifest()
	if err != nil {
		return err
	}
	digest, err := img.SBOM.Digest()
	if err != nil {
		return err
	}
	// The type that the list gives is not looked at: this registry takes the config's.
	if len(m.Manifests) != 1 || m.Manifests[0].Digest != digest {
		return fmt.Errorf("the referrers must be the SBOM %s, got %v", digest, m.Manifests)
	}
	sbom, err := remote.Image(repo.Digest(digest.String()), remote.WithContext(ctx))
	if err != nil {
		return err
	}
	if artifact, err := sbom.Manifest(); err != nil || artifact.ArtifactType != string(spdxType) {
		return fmt.Errorf("the artifact's type must be %s, got %+v, %w", spdxType, artifact, err)
	}
	layers, err := sbom.Layers()
	if err != nil {
		return err
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, rc) // verifies the digest
	return errors.Join(err, rc.Close())
}
