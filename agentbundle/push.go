package agentbundle

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Push uploads what the repository lacks of the image: layers first, then the
// manifests, and the tag last, so that a tag never names what is not there. It
// does nothing when the tag is there already, and can be repeated after it was
// cut off. Requests are retried with back-off.
//
// Auth may be nil for anonymous access. Progress, if not nil, is called with
// the number of bytes uploaded and known so far.
func (i *Image) Push(ctx context.Context, repo name.Repository, auth authn.Authenticator, progress func(complete, total int64)) error {
	opts := []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)}
	tag := repo.Tag(i.Tag)

	switch existing, err := remote.Head(tag, opts...); {
	case err == nil && existing.Digest == i.Digest:
		return nil
	case err == nil:
		return fmt.Errorf("pushing %s: the tag names %s, not %s: tags are immutable, delete that one by hand if it is wrong",
			tag, existing.Digest, i.Digest)
	case !notFound(err):
		return fmt.Errorf("pushing %s: looking for the tag: %w", tag, err)
	}

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
	if err := remote.Tag(tag, i.Index, opts...); err != nil {
		return fmt.Errorf("tagging %s: %w", tag, err)
	}
	return nil
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
