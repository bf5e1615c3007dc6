package registry

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, dir string, opts Options) (*Registry, context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, err := Serve(ctx, dir, opts)
	require.NoError(t, err)
	return r, stop
}

func (r *Registry) reference(t *testing.T, repository, reference string) name.Reference {
	t.Helper()
	separator := ":"
	if strings.HasPrefix(reference, "sha256:") {
		separator = "@"
	}
	ref, err := name.ParseReference(strings.TrimPrefix(r.Endpoint(), "http://") + "/" + repository + separator + reference)
	require.NoError(t, err)
	return ref
}

func image(t *testing.T) (v1.Image, string) {
	t.Helper()
	i, err := random.Image(100, 2)
	require.NoError(t, err)
	digest, err := i.Digest()
	require.NoError(t, err)
	return i, digest.String()
}

func TestStandIns(t *testing.T) {
	t.Parallel()
	there, away := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	r, _ := serve(t, t.TempDir(), Options{StandIns: []string{there}})
	require.True(t, r.Has("team/codeflow", there))
	head, err := remote.Head(r.reference(t, "team/codeflow", there).(name.Digest))
	require.NoError(t, err)
	require.Equal(t, there, head.Digest.String())
	_, err = remote.Head(r.reference(t, "team/codeflow", away).(name.Digest))
	require.Error(t, err)
	r.SetDown(true)
	_, err = remote.Head(r.reference(t, "team/codeflow", there).(name.Digest))
	require.Error(t, err)
}

func TestImagesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, stop := serve(t, dir, Options{})
	single, digest := image(t)
	require.NoError(t, remote.Write(first.reference(t, "team/codeflow", "v1"), single))
	index, err := random.Index(100, 2, 2)
	require.NoError(t, err)
	indexDigest, err := index.Digest()
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(first.reference(t, "team/codeflow", "multi"), index))
	stop()

	second, _ := serve(t, dir, Options{})
	require.True(t, second.Has("team/codeflow", digest))
	require.True(t, second.Has("team/codeflow", indexDigest.String()))
	require.True(t, second.Has("team/codeflow", "v1"))
	require.False(t, second.Has("team/other", digest))
	pulled, err := remote.Image(second.reference(t, "team/codeflow", digest))
	require.NoError(t, err)
	layers, err := pulled.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		require.NoError(t, content.Close())
	}
	_, err = remote.Index(second.reference(t, "team/codeflow", indexDigest.String()))
	require.NoError(t, err)
}

func TestPushesThatECRRefuses(t *testing.T) {
	t.Parallel()
	r, _ := serve(t, t.TempDir(), Options{Repository: func(name string) (exists, immutable bool) {
		return name != "none", name == "fixed"
	}})
	one, _ := image(t)
	two, digest := image(t)
	require.ErrorContains(t, remote.Write(r.reference(t, "none", "v1"), one),
		"The repository with name 'none' does not exist in the registry")

	require.NoError(t, remote.Write(r.reference(t, "fixed", "v1"), one))
	require.NoError(t, remote.Write(r.reference(t, "fixed", "v1"), one), "the same image again")
	require.ErrorContains(t, remote.Write(r.reference(t, "fixed", "v1"), two), "TAG_INVALID: The image tag 'v1' already exists "+
		"in the 'fixed' repository and cannot be overwritten because the repository is immutable.")
	require.False(t, r.Has("fixed", digest))

	require.NoError(t, remote.Write(r.reference(t, "loose", "v1"), one))
	require.NoError(t, remote.Write(r.reference(t, "loose", "v1"), two))
}

func TestPushNeedsThePassword(t *testing.T) {
	t.Parallel()
	r, _ := serve(t, t.TempDir(), Options{Password: "secret"})
	one, digest := image(t)
	ref := r.reference(t, "codeflow", "v1")
	require.ErrorContains(t, remote.Write(ref, one), "UNAUTHORIZED")
	require.ErrorContains(t, remote.Write(ref, one, remote.WithAuth(&authn.Basic{Username: "AWS", Password: "guessed"})), "UNAUTHORIZED")
	require.False(t, r.Has("codeflow", digest))
	require.NoError(t, remote.Write(ref, one, remote.WithAuth(&authn.Basic{Username: "AWS", Password: r.Password()})))
	_, err := remote.Image(ref)
	require.NoError(t, err, "who pulls needs none")
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, stop := serve(t, dir, Options{})
	one, digest := image(t)
	require.True(t, r.Empty("codeflow"))
	require.NoError(t, remote.Write(r.reference(t, "codeflow", "v1"), one))
	require.NoError(t, remote.Write(r.reference(t, "other", "v1"), one))
	require.False(t, r.Empty("codeflow"))
	require.NoError(t, r.Remove("codeflow"))
	require.True(t, r.Empty("codeflow"))
	_, err := remote.Image(r.reference(t, "codeflow", digest))
	require.Error(t, err)
	stop()
	again, _ := serve(t, dir, Options{})
	require.True(t, again.Empty("codeflow"))
	require.True(t, again.Has("other", digest))
}
