package npmrelease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// message is what users of the version read.
func (r *release) message() (string, error) {
	if r.Message != "" {
		return r.Message, nil
	}
	if r.Use == "" {
		return "", errors.New("--message must be given, or --use, the version to use instead")
	}
	return fmt.Sprintf("This version has critical issues. Use %s instead", r.Use), nil
}

func (r *release) deprecate(ctx context.Context) (string, error) {
	if r.Version == "" {
		return "", errors.New("--version must be given")
	}
	if r.Use == r.Version {
		return "", fmt.Errorf("--use must be another than the deprecated version %s", r.Version)
	}
	if strings.Contains(r.Use, "-") && r.tag() == latest {
		return "", fmt.Errorf("--use %s: a prerelease must not become latest: name a release", r.Use)
	}
	message, err := r.message()
	if err != nil {
		return "", err
	}
	for _, version := range []string{r.Version, r.Use} {
		if version == "" {
			continue
		}
		p, err := r.view(ctx, version)
		if err != nil {
			return "", err
		}
		if p == nil {
			return "", r.lacks(version)
		}
	}
	_, err = r.npm(ctx, "deprecate", r.pkg.Name+"@"+r.Version, message)
	return message, err
}

// tag that moves off a deprecated version.
func (r *release) tag() string { return cmp.Or(r.Tag, latest) }

func (r *release) noReplacement() string {
	if r.Use == "" {
		return "no --use"
	}
	return ""
}

// moveTag keeps new users from a version that is deprecated: npm installs what
// the dist-tag says, deprecated or not.
func (r *release) moveTag(ctx context.Context) (string, error) {
	p, err := r.view(ctx, r.Version)
	if err != nil {
		return "", err
	}
	if at := p.Tags[r.tag()]; at != r.Version {
		return fmt.Sprintf("%s is %s already", r.tag(), at), nil
	}
	_, err = r.npm(ctx, "dist-tag", "add", r.pkg.Name+"@"+r.Use, r.tag())
	return fmt.Sprintf("%s is %s", r.tag(), r.Use), err
}

func (r *release) viewDeprecated(ctx context.Context) (string, error) {
	want, err := r.message()
	if err != nil {
		return "", err
	}
	return "npm warns whoever installs it", r.await(ctx, r.Version, func(p *published) error {
		if p.Deprecated != want {
			return fmt.Errorf("deprecated must be %q, got %q", want, p.Deprecated)
		}
		return nil
	})
}
