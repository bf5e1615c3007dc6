package npmrelease

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// viewInterval is how often the registry is asked for what was just published.
const viewInterval = 2 * time.Second

// await looks at a version until the registry shows what was done to it.
func (r *release) await(ctx context.Context, version string, check func(*published) error) error {
	for deadline := time.Now().Add(r.Wait); ; {
		p, err := r.view(ctx, version)
		if err != nil {
			return err
		}
		problem := r.lacks(version)
		if p != nil {
			problem = check(p)
		}
		if problem == nil || time.Now().After(deadline) {
			return problem
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(viewInterval):
		}
	}
}

func (r *release) lacks(version string) error {
	return fmt.Errorf("%s does not have %s@%s", r.Registry, r.pkg.Name, version)
}

func (r *release) viewPublished(ctx context.Context) (string, error) {
	return "the same integrity, dist-tag " + r.tag(), r.await(ctx, r.pkg.Version, r.isCheckout)
}

// isCheckout compares what was published with the checkout.
func (r *release) isCheckout(p *published) (err error) {
	if p.Dist.Integrity != r.integrity {
		err = fmt.Errorf("dist.integrity must be that of the checkout's tarball, %s, got %s: something else was published", r.integrity, p.Dist.Integrity)
	}
	if got := p.Tags[r.tag()]; got != r.pkg.Version {
		err = errors.Join(err, fmt.Errorf("dist-tag %s must be %s, got %q: run `npm dist-tag add %s@%[2]s %[1]s`", r.tag(), r.pkg.Version, got, r.pkg.Name))
	}
	return err
}

// runPublished runs the package as somebody does who has never seen it. It gets
// no account.
func (r *release) runPublished(ctx context.Context) (string, error) {
	if len(r.pkg.Bin) == 0 {
		return "", errors.New("package.json must have a bin for npx: give --without npx if it is a library")
	}
	home := filepath.Join(r.dir, "home")
	out, err := r.exec(ctx, program{
		dir: r.empty(), name: "npx", args: []string{"--yes", r.pkg.Name + "@" + r.pkg.Version, "--version"},
		env: []string{"HOME=" + home, "USERPROFILE=" + home, "npm_config_cache=" + filepath.Join(home, "cache"), "BUN_INSTALL="},
	})
	if missing := r.missing(); err != nil && len(missing) > 0 {
		return "", fmt.Errorf("the package needs %s, which is not on PATH here, as on the machines of its users: install it, give its folder with --bin, or publish what node runs: %w", strings.Join(missing, " and "), err)
	}
	if err != nil {
		return "", err
	}
	printed := strings.TrimSpace(r.scrub(string(out)))
	if !slices.ContainsFunc(strings.Fields(printed), func(word string) bool { return strings.TrimPrefix(word, "v") == r.pkg.Version }) {
		return "", fmt.Errorf("--version must print %s, got %q", r.pkg.Version, printed)
	}
	return "it says " + printed, nil
}
