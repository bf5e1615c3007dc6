package stacks

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// buildImage packs the colour's agents and the server. [agentbundle.Load] makes every
// check that the command makes, that for secrets among them. Nothing is written
// outside caches, so a preview shows the digest that an update deploys.
func buildImage(ctx *pulumi.Context, cfg *Color, module string) (*agentbundle.Image, error) {
	sources, err := agentbundle.ReadConfig(filepath.Join(module, cfg.Agents))
	if err != nil {
		return nil, err
	}
	sources.Module, sources.Base, sources.Port = module, cfg.Image.Base, cfg.Service.Port
	bundle, err := agentbundle.Load(sources)
	if err != nil {
		return nil, err
	}
	// With cold caches the server is compiled first, which takes a while.
	_ = ctx.Log.Info(fmt.Sprintf("packing %d agents and %d commands", len(bundle.Manifest.Agents), len(bundle.Manifest.Commands)),
		&pulumi.LogArgs{Ephemeral: true})
	return bundle.Image(ctx.Context(), nil)
}

// pushImage returns the image's reference by digest. On an update the reference
// is there only once the image is in the registry; a preview pushes nothing.
func pushImage(
	ctx *pulumi.Context, image *agentbundle.Image, color string, repositoryURL pulumi.StringOutput, opts ...pulumi.InvokeOption,
) pulumi.StringOutput {
	if ctx.DryRun() {
		return pulumi.Sprintf("%s@%s", repositoryURL, image.Digest)
	}
	token := ecr.GetAuthorizationTokenOutput(ctx, ecr.GetAuthorizationTokenOutputArgs{}, opts...)
	pushed := pulumi.All(repositoryURL, token).ApplyTWithContext(ctx.Context(), func(c context.Context, all []any) (string, error) {
		url := all[0].(string)
		repository, auth, err := login(url, all[1].(ecr.GetAuthorizationTokenResult))
		if err != nil {
			return "", err
		}
		progress := func(complete, total int64) {
			_ = ctx.Log.Info(fmt.Sprintf("pushing %s: %d of %d KiB", image.Tag, complete/1024, total/1024),
				&pulumi.LogArgs{Ephemeral: true})
		}
		if err := image.Push(c, repository, auth, progress, tagPrefix(color)+image.Tag); err != nil {
			return "", fmt.Errorf("pushing image %s to %q: %w", image.Digest, url, err)
		}
		return url + "@" + image.Digest.String(), nil
	}).(pulumi.StringOutput)
	// The token is secret, the reference is not.
	return pulumi.Unsecret(pushed).(pulumi.StringOutput)
}

// mirrorImage returns the reference of another registry's image in the project's
// repository, by the same digest. On an update it is there only once the image is;
// when it was there before, the other registry is not asked. A preview copies nothing.
func mirrorImage(ctx *pulumi.Context, source string, repositoryURL pulumi.StringOutput, opts ...pulumi.InvokeOption) pulumi.StringOutput {
	_, digest, _ := strings.Cut(source, "@")
	if ctx.DryRun() {
		return pulumi.Sprintf("%s@%s", repositoryURL, digest)
	}
	token := ecr.GetAuthorizationTokenOutput(ctx, ecr.GetAuthorizationTokenOutputArgs{}, opts...)
	copied := pulumi.All(repositoryURL, token).ApplyTWithContext(ctx.Context(), func(c context.Context, all []any) (string, error) {
		url := all[0].(string)
		repository, auth, err := login(url, all[1].(ecr.GetAuthorizationTokenResult))
		if err != nil {
			return "", err
		}
		if err := mirror(c, source, repository, auth); err != nil {
			return "", fmt.Errorf("copying image %q to %q: %w", source, url, err)
		}
		return url + "@" + digest, nil
	}).(pulumi.StringOutput)
	return pulumi.Unsecret(copied).(pulumi.StringOutput) // the token is secret, the reference is not
}

// mirror copies an image by digest, for all platforms, unless it is there.
func mirror(ctx context.Context, source string, repository name.Repository, auth authn.Authenticator) error {
	from, err := name.NewDigest(source)
	if err != nil {
		return err
	}
	to := []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)}
	if _, err := remote.Head(repository.Digest(from.DigestStr()), to...); err == nil {
		return nil
	}
	found, err := remote.Get(from, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	// A tag of no colour's: the registry keeps it. Tags cannot be moved, so there is one
	// for each digest.
	tag := repository.Tag("mirror-" + strings.TrimPrefix(from.DigestStr(), "sha256:")[:12])
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err != nil {
			return err
		}
		return remote.WriteIndex(tag, index, to...)
	}
	image, err := found.Image()
	if err != nil {
		return err
	}
	return remote.Write(tag, image, to...)
}

// tagPrefix starts the tags by which the registry keeps a colour's own images.
func tagPrefix(color string) string { return color + "-" }

// login is where and as whom to push: the endpoint that the token is for, and
// the repository's path.
func login(url string, token ecr.GetAuthorizationTokenResult) (repository name.Repository, auth authn.Authenticator, err error) {
	_, path, _ := strings.Cut(url, "/")
	scheme, host, _ := strings.Cut(token.ProxyEndpoint, "://")
	var opts []name.Option
	if scheme == "http" {
		opts = append(opts, name.Insecure)
	}
	if repository, err = name.NewRepository(host+"/"+path, opts...); err != nil {
		return repository, nil, fmt.Errorf("reading repository URL %q: %w", url, err)
	}
	plain, err := base64.StdEncoding.DecodeString(token.AuthorizationToken)
	user, password, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok {
		return repository, nil, fmt.Errorf("reading the token for registry %q: it is not base64 of user:password", host)
	}
	return repository, &authn.Basic{Username: user, Password: password}, nil
}
