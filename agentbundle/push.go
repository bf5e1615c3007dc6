package agentbundle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Push uploads what the repository lacks of the image: layers first, then the
// manifests and the SBOM, and last its tag and the further ones, so that a tag
// never names what is not there. It does nothing when the tags are there
// already, and can be repeated after it was cut off. Requests are retried with
// back-off.
//
// Auth may be nil for anonymous access. Progress, if not nil, is called with
// the number of bytes uploaded and known so far.
func (i *Image) Push(
	ctx context.Context, repo name.Repository, auth authn.Authenticator, progress func(complete, total int64), tags ...string,
) error {
	opts := []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)}
	var missing []name.Tag
	for _, tag := range append([]string{i.Tag}, tags...) {
		present, err := i.tagged(repo.Tag(tag), opts)
		if err != nil {
			return err
		}
		if !present {
			missing = append(missing, repo.Tag(tag))
		}
	}
	if slices.Contains(missing, repo.Tag(i.Tag)) { // otherwise the image is complete
		if err := i.upload(repo, opts, progress); err != nil {
			return err
		}
		if err := i.attach(ctx, repo, opts); err != nil {
			return fmt.Errorf("pushing the SBOM of %s: %w", i.Tag, err)
		}
	}
	for _, tag := range missing {
		if err := remote.Tag(tag, i.Index, opts...); err != nil {
			return fmt.Errorf("tagging %s: %w", tag, err)
		}
	}
	return nil
}

// tagged reports whether the tag names the image. One that names another image
// is an error.
func (i *Image) tagged(tag name.Tag, opts []remote.Option) (bool, error) {
	switch existing, err := remote.Head(tag, opts...); {
	case err == nil && existing.Digest == i.Digest:
		return true, nil
	case err == nil:
		return false, fmt.Errorf("pushing %s: the tag names %s, not %s: tags are immutable, delete that one by hand if it is wrong",
			tag, existing.Digest, i.Digest)
	case !notFound(err):
		return false, fmt.Errorf("pushing %s: looking for the tag: %w", tag, err)
	}
	return false, nil
}

func (i *Image) upload(repo name.Repository, opts []remote.Option, progress func(complete, total int64)) error {
	updates := make(chan v1.Update)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for u := range updates {
			if progress != nil && u.Error == nil {
				progress(u.Complete, u.Total)
			}
		}
	}()
	err := remote.WriteIndex(repo.Digest(i.Digest.String()), i.Index, append(opts, remote.WithProgress(updates))...)
	<-drained // WriteIndex closes updates
	if err != nil {
		return fmt.Errorf("pushing %s: %w", repo.Digest(i.Digest.String()), err)
	}
	return nil
}

// attach uploads the SBOM. It puts the manifest even when it is there already:
// where a registry has no list of referrers, that also repairs the tag that
// stands for the list.
func (i *Image) attach(ctx context.Context, repo name.Repository, opts []remote.Option) error {
	layers, err := i.SBOM.Layers()
	if err != nil {
		return err
	}
	config, err := partial.ConfigLayer(i.SBOM)
	if err != nil {
		return err
	}
	digest, err := i.SBOM.Digest()
	if err != nil {
		return err
	}
	pusher, err := remote.NewPusher(opts...)
	if err != nil {
		return err
	}
	for _, blob := range append(layers, config) {
		if err := pusher.Upload(ctx, repo, blob); err != nil {
			return err
		}
	}
	return pusher.Put(ctx, repo.Digest(digest.String()), i.SBOM)
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
