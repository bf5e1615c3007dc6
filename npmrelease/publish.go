package npmrelease

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

func (r *release) isNew(ctx context.Context) (string, error) {
	p, err := r.view(ctx, r.pkg.Version)
	if err == nil && p != nil {
		err = fmt.Errorf("%s has %s@%s already: run `npm version patch` in %s", r.Registry, r.pkg.Name, r.pkg.Version, r.Path)
	}
	return "the registry does not have it", err
}

func (r *release) noProvenance() string {
	if r.NoProvenance {
		return "--no-provenance"
	}
	return ""
}

// canExchange is true where GitHub Actions gives the run an identity.
// https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect
func (r *release) canExchange() bool { return r.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "" }

// canProve checks what npm and the registry ask for of a statement of provenance.
// https://docs.npmjs.com/generating-provenance-statements
func (r *release) canProve(context.Context) (string, error) {
	if !r.canExchange() {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL must be set: run in GitHub Actions with `permissions: id-token: write`, or give --no-provenance")
	}
	workflow, repository := r.Getenv("GITHUB_REPOSITORY"), r.pkg.Repository["url"]
	path := "/" + strings.ReplaceAll(strings.TrimSuffix(repository, ".git"), ":", "/")
	if !strings.HasSuffix(strings.ToLower(path), strings.ToLower("/"+workflow)) {
		return "", fmt.Errorf("%s: repository.url must be that of the workflow's repository %s, got %q: the registry refuses provenance of another; call the workflow from the package's repository, or give --no-provenance",
			filepath.Join(r.Path, "package.json"), workflow, repository)
	}
	return "from " + workflow, nil
}

// trustedPublishing needs no token: npm trades the run's identity for one.
// https://docs.npmjs.com/trusted-publishers
func (r *release) trustedPublishing() string {
	if r.Getenv(tokenVariable) == "" && r.canExchange() {
		return "there is no " + tokenVariable + ": npm uses trusted publishing"
	}
	return ""
}

func (r *release) whoami(ctx context.Context) (string, error) {
	if r.Getenv(tokenVariable) == "" {
		return "", fmt.Errorf("%s must be set to a token of the registry %s", tokenVariable, r.Registry)
	}
	out, err := r.npm(ctx, "whoami")
	return strings.TrimSpace(string(out)), err
}

func (r *release) publishArgs() []string {
	args := []string{"publish", r.tarball, "--access", r.Access, fmt.Sprintf("--provenance=%t", !r.NoProvenance)}
	if r.Tag != "" { // without, npm refuses to move latest back or to a prerelease
		args = append(args, "--tag", r.Tag)
	}
	return args
}

func (r *release) dryRun(ctx context.Context) (string, error) {
	_, err := r.npm(ctx, append(r.publishArgs(), "--dry-run")...)
	return "npm would publish it", err
}

func (r *release) publish(ctx context.Context) (string, error) {
	_, err := r.npm(ctx, r.publishArgs()...)
	return fmt.Sprintf("%s@%s to %s", r.pkg.Name, r.pkg.Version, r.Registry), err
}

// missing returns the programs that the package needs and that are not here.
func (r *release) missing() []string {
	return slices.DeleteFunc(r.pkg.needs(r.Path), func(name string) bool {
		_, err := r.lookPath(name)
		return err == nil
	})
}
