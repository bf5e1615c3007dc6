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

// The registry is asked for what was done after the first pause, and then less and less
// often: npm says that a new version takes up to some minutes to be seen everywhere.
const firstPause, longestPause = 5 * time.Second, time.Minute

// await looks at a version until the registry shows what was done to it.
func (r *release) await(ctx context.Context, version string, check func(*published) error) error {
	pause := firstPause
	for waited := time.Duration(0); ; waited += pause {
		p, err := r.view(ctx, version)
		if err != nil {
			return err
		}
		problem := r.lacks(version)
		if p != nil {
			problem = check(p)
		}
		if problem == nil || waited >= r.Wait {
			return problem
		}
		if waited > 0 {
			pause = min(2*pause, longestPause)
		}
		if err := r.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (r *release) lacks(version string) error {
	return fmt.Errorf("%s does not have %s@%s", r.Registry, r.pkg.Name, version)
}

// viewPublished is a step. A version that the registry does not show is no failure of
// what was published.
func (r *release) viewPublished(ctx context.Context) (string, error) {
	seen := false
	err := r.await(ctx, r.pkg.Version, func(p *published) error {
		seen = true
		return r.isTarball(p)
	})
	if err != nil && !seen && ctx.Err() == nil {
		err = fmt.Errorf("%w after %s: %w: if publish succeeded it is published, so do not publish again: run verify again later, with a longer --wait",
			ErrNotVisible, r.Wait, err)
	}
	return "the same integrity, dist-tag " + r.Tag, err
}

// isTarball compares what was published with the tarball.
func (r *release) isTarball(p *published) (err error) {
	if p.Dist.Integrity != r.integrity {
		err = fmt.Errorf("dist.integrity must be that of the tarball that was checked, %s, got %s: something else was published", r.integrity, p.Dist.Integrity)
	}
	if r.Tag == "" { // as publish chose: every way leads to this version
		for tag, version := range p.Tags {
			if version == r.pkg.Version && (r.Tag == "" || tag < r.Tag) {
				r.Tag = tag
			}
		}
	}
	if got := p.Tags[r.Tag]; got != r.pkg.Version {
		err = errors.Join(err, fmt.Errorf("a dist-tag must be %s, got %v: run `npm dist-tag add %s@%[1]s TAG`", r.pkg.Version, p.Tags, r.pkg.Name))
	}
	return err
}

// runPacked runs the tarball as somebody does who has never seen it. It gets no account.
func (r *release) runPacked(ctx context.Context) (string, error) {
	if len(r.pkg.Bin) == 0 {
		return "", errors.New("package.json must have a bin for npx: give --without npx if it is a library")
	}
	home := filepath.Join(r.dir, "home")
	out, err := r.exec(ctx, program{
		dir: r.empty(), name: "npx", args: []string{"--yes", "--package", r.tarball, "--", r.pkg.command(), "--version"},
		env: []string{"HOME=" + home, "USERPROFILE=" + home, "npm_config_cache=" + filepath.Join(home, "cache"), "BUN_INSTALL="},
	})
	if missing := r.lacking(); err != nil && len(missing) > 0 {
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
