package npmrelease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blang/semver"
)

func (r *release) isNew(ctx context.Context) (string, error) {
	p, err := r.view(ctx, r.pkg.Version)
	if err == nil && p != nil {
		err = fmt.Errorf("%s has %s@%s already: run `npm version patch` in the checkout", r.Registry, r.pkg.Name, r.pkg.Version)
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
		return "", fmt.Errorf("package.json: repository.url must be that of the workflow's repository %s, got %q: the registry refuses provenance of another; call the workflow from the package's repository, or give --no-provenance",
			workflow, repository)
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
	return []string{"publish", r.tarball, "--ignore-scripts", "--tag", r.Tag, "--access", r.Access, fmt.Sprintf("--provenance=%t", !r.NoProvenance)}
}

func (r *release) dryRun(ctx context.Context) (string, error) {
	_, err := r.npm(ctx, append(r.publishArgs(), "--dry-run")...)
	return "npm would publish it", err
}

func (r *release) publish(ctx context.Context) (string, error) {
	_, err := r.npm(ctx, r.publishArgs()...)
	return fmt.Sprintf("%s@%s to %s as %s", r.pkg.Name, r.pkg.Version, r.Registry, r.Tag), err
}

// Trusted publishing needs these.
// https://docs.npmjs.com/trusted-publishers
var (
	trustedNpm  = semver.MustParse("11.5.1")
	trustedNode = semver.MustParse("22.14.0")
)

// notTrusted leaves the check of the versions out where there is a token.
func (r *release) notTrusted() string {
	if r.trustedPublishing() == "" {
		return "there is a token, or nothing to trade for one"
	}
	return ""
}

// canTrade checks that npm can trade the run's identity for a token: an older one fails
// with ENEEDAUTH.
func (r *release) canTrade(ctx context.Context) (string, error) {
	var versions []string
	for _, needed := range []struct {
		program string
		least   semver.Version
	}{{"npm", trustedNpm}, {"node", trustedNode}} {
		out, err := r.exec(ctx, program{dir: r.empty(), name: needed.program, args: []string{"--version"}})
		if err != nil {
			return "", err
		}
		text := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
		version, err := semver.Parse(text)
		if err != nil {
			return "", fmt.Errorf("%s --version: %q is no version: %w", needed.program, text, err)
		}
		if version.LT(needed.least) {
			return "", fmt.Errorf("trusted publishing needs %s %s or newer, got %s: use Node.js 24, which has both, or give %s",
				needed.program, needed.least, version, tokenVariable)
		}
		versions = append(versions, needed.program+" "+text)
	}
	return strings.Join(versions, ", "), nil
}

// lacking returns the programs that the package needs and that are not here.
func (r *release) lacking() []string {
	return slices.DeleteFunc(r.pkg.needs(r.Path), func(name string) bool {
		_, err := r.lookPath(name)
		return err == nil
	})
}
