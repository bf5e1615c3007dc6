// Package registry is the sandbox's ECR: an OCI registry on loopback that keeps
// what it is given in a folder, so that the next start has it again.
//
// The protocol is go-containerregistry's own registry; this package adds what
// that one keeps in memory only, the manifests and tags, and ECR's two rules: a
// repository must exist before the first push, and the tags of one that is
// immutable cannot be moved.
package registry

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Options are the optional parts of a [Registry].
type Options struct {
	// Repository says whether a repository exists and whether its tags are
	// immutable. The default is that every one does and none is.
	Repository func(name string) (exists, immutable bool)
	// StandIns are the digests of images that every repository seems to have, as if an
	// earlier update had copied them: nobody pulls them here, since the sandbox runs
	// something else in their place.
	StandIns []string
	// Password that a push must have; who pulls needs none. The default is none.
	Password string
}

// Registry is an OCI registry with a folder.
type Registry struct {
	dir      string
	opts     Options
	handler  http.Handler
	server   *http.Server
	endpoint string
	down     atomic.Bool

	mu        sync.Mutex
	manifests map[string]map[string]manifest // repository, then tag or digest.
}

// manifest is one pushed manifest, as its file has it.
type manifest struct {
	Repository  string `json:"repository"`
	Reference   string `json:"reference"`
	Digest      string `json:"digest"`
	ContentType string `json:"contentType"`
	Content     []byte `json:"content"`
}

// Serve opens the registry of a folder and serves it on a free loopback port
// until the context ends.
func Serve(ctx context.Context, dir string, opts Options) (*Registry, error) {
	blobs := filepath.Join(dir, "blobs")
	if err := errors.Join(os.MkdirAll(blobs, 0o750), os.MkdirAll(filepath.Join(dir, "manifests"), 0o750)); err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	r := &Registry{
		dir: dir, opts: opts, manifests: map[string]map[string]manifest{},
		handler: registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)),
			registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))),
	}
	if err := r.replay(); err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving the registry: %w", err)
	}
	r.endpoint = "http://" + listener.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(listener) }() // ends with Shutdown below.
	go func() {
		<-ctx.Done()
		_ = r.server.Close()
	}()
	return r, nil
}

// Endpoint is the registry's URL, such as http://127.0.0.1:5000.
func (r *Registry) Endpoint() string { return r.endpoint }

// Password is what a push must have.
func (r *Registry) Password() string { return r.opts.Password }

// SetDown makes the registry answer 503 to everything, or ends that.
func (r *Registry) SetDown(down bool) { r.down.Store(down) }

// Down reports whether it does.
func (r *Registry) Down() bool { return r.down.Load() }

// Has reports whether a repository has a manifest with the digest or tag.
func (r *Registry) Has(repository, reference string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.manifests[repository][reference]
	return ok || slices.Contains(r.opts.StandIns, reference)
}

// Empty reports whether a repository has no image.
func (r *Registry) Empty(repository string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.manifests[repository]) == 0
}

// Remove deletes all images of a repository. Blobs stay: others may share them.
func (r *Registry) Remove(repository string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reference := range r.manifests[repository] {
		request := httptest.NewRequest(http.MethodDelete, "/v2/"+repository+"/manifests/"+reference, nil)
		r.handler.ServeHTTP(httptest.NewRecorder(), request)
		if err := os.Remove(r.path(repository, reference)); err != nil {
			return fmt.Errorf("removing %s: %w", repository, err)
		}
		delete(r.manifests[repository], reference)
	}
	return nil
}

// ServeHTTP watches the pushes of manifests and leaves the rest to the registry
// below.
func (r *Registry) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	if r.down.Load() {
		fail(response, http.StatusServiceUnavailable, "UNAVAILABLE", "the registry is down")
		return
	}
	if !r.permitted(request) {
		response.Header().Set("WWW-Authenticate", `Basic realm="sandbox"`)
		fail(response, http.StatusUnauthorized, "UNAUTHORIZED", "a push must have the password of ecr:GetAuthorizationToken")
		return
	}
	repository, reference, ok := manifestPath(request.URL.Path)
	if ok && request.Method == http.MethodHead && slices.Contains(r.opts.StandIns, reference) {
		response.Header().Set("Docker-Content-Digest", reference)
		response.Header().Set("Content-Type", string(types.OCIImageIndex))
		response.Header().Set("Content-Length", "1")
		return
	}
	if !ok || request.Method != http.MethodPut {
		r.handler.ServeHTTP(response, request)
		return
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		fail(response, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	digest, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		fail(response, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused(response, repository, reference, digest.String()) {
		return
	}
	m := manifest{
		Repository: repository, Reference: reference, Digest: digest.String(),
		ContentType: request.Header.Get("Content-Type"), Content: content,
	}
	recorder := r.put(m)
	if recorder.Code == http.StatusCreated {
		if err := r.keep(m); err != nil {
			fail(response, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
	}
	for name, values := range recorder.Header() {
		response.Header()[name] = values
	}
	response.WriteHeader(recorder.Code)
	_, _ = response.Write(recorder.Body.Bytes()) // the client may have gone.
}

// refused answers a push that ECR would refuse.
func (r *Registry) refused(response http.ResponseWriter, repository, reference, digest string) bool {
	if r.opts.Repository == nil {
		return false
	}
	exists, immutable := r.opts.Repository(repository)
	if !exists {
		fail(response, http.StatusNotFound, "NAME_UNKNOWN",
			fmt.Sprintf("The repository with name '%s' does not exist in the registry", repository))
		return true
	}
	had, taken := r.manifests[repository][reference]
	if immutable && taken && had.Digest != digest {
		fail(response, http.StatusBadRequest, "TAG_INVALID", fmt.Sprintf("The image tag '%s' already exists in the '%s' "+
			"repository and cannot be overwritten because the repository is immutable.", reference, repository))
		return true
	}
	return false
}

// put hands a manifest to the registry below.
func (r *Registry) put(m manifest) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPut, "/v2/"+m.Repository+"/manifests/"+m.Reference, bytes.NewReader(m.Content))
	request.Header.Set("Content-Type", m.ContentType)
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, request)
	return recorder
}

// keep writes a manifest under its reference and its digest.
func (r *Registry) keep(m manifest) error {
	for _, reference := range []string{m.Reference, m.Digest} {
		m.Reference = reference
		raw, err := json.Marshal(m)
		if err != nil {
			return err
		}
		path := r.path(m.Repository, reference)
		if err := os.WriteFile(path+".tmp", raw, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			return err
		}
		r.remember(m)
	}
	return nil
}

func (r *Registry) remember(m manifest) {
	if r.manifests[m.Repository] == nil {
		r.manifests[m.Repository] = map[string]manifest{}
	}
	r.manifests[m.Repository][m.Reference] = m
}

// replay pushes the kept manifests again, images before the indexes that name
// them.
func (r *Registry) replay() error {
	paths, err := filepath.Glob(filepath.Join(r.dir, "manifests", "*.json"))
	if err != nil {
		return err
	}
	var images, indexes []manifest
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var m manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if types.MediaType(m.ContentType).IsIndex() {
			indexes = append(indexes, m)
		} else {
			images = append(images, m)
		}
	}
	for _, m := range append(images, indexes...) {
		if recorder := r.put(m); recorder.Code != http.StatusCreated {
			return fmt.Errorf("restoring %s of %s: %s", m.Reference, m.Repository, recorder.Body)
		}
		r.remember(m)
	}
	return nil
}

func (r *Registry) path(repository, reference string) string {
	escape := strings.NewReplacer("%", "%25", "/", "%2f", ":", "%3a")
	return filepath.Join(r.dir, "manifests", escape.Replace(repository)+"@"+escape.Replace(reference)+".json")
}

// manifestPath takes /v2/<repository>/manifests/<reference> apart.
func manifestPath(path string) (repository, reference string, ok bool) {
	rest, found := strings.CutPrefix(path, "/v2/")
	at := strings.LastIndex(rest, "/manifests/")
	if !found || at < 0 {
		return "", "", false
	}
	return rest[:at], rest[at+len("/manifests/"):], true
}

// fail answers with an error in the form of the distribution specification.
func fail(response http.ResponseWriter, code int, kind, message string) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(code)
	_ = json.NewEncoder(response).Encode(map[string]any{ // the client may have gone.
		"errors": []any{map[string]any{"code": kind, "message": message}},
	})
}

// permitted reports whether a request may be answered. What the protocol begins with is
// refused without the password, so that clients know to send it.
func (r *Registry) permitted(request *http.Request) bool {
	reads := request.Method == http.MethodGet || request.Method == http.MethodHead
	_, password, _ := request.BasicAuth()
	return reads && request.URL.Path != "/v2/" || subtle.ConstantTimeCompare([]byte(password), []byte(r.opts.Password)) == 1
}
