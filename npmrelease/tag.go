package npmrelease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/blang/semver"
)

const latest = "latest"

var word = regexp.MustCompile(`^[a-z][a-z-]*`)

// distTag is the dist-tag of a version: latest is what users get who ask for none, so it
// is for releases, and moves forward only. A prerelease gets its own word, such as beta
// of 1.2.0-beta.1, and a patch of an older line release-1.1. Now is what latest is, or "".
// https://docs.npmjs.com/cli/commands/npm-dist-tag
func distTag(version, now string) (string, error) {
	v, err := semver.Parse(version)
	if err != nil {
		return "", fmt.Errorf("version %q: %w", version, err)
	}
	if len(v.Pre) > 0 {
		if tag := word.FindString(v.Pre[0].VersionStr); tag != "" && tag != latest {
			return tag, nil
		}
		return "next", nil
	}
	if current, err := semver.Parse(now); err == nil && len(current.Pre) == 0 && v.LT(current) {
		return fmt.Sprintf("release-%d.%d", v.Major, v.Minor), nil
	}
	return latest, nil
}

// chooseTag is a step.
func (r *release) chooseTag(ctx context.Context) (string, error) {
	tags, err := r.distTags(ctx)
	if err != nil {
		return "", err
	}
	chosen, err := distTag(r.pkg.Version, tags[latest])
	if err != nil {
		return "", err
	}
	if r.Tag == latest && chosen != latest {
		return "", fmt.Errorf("--tag latest: %s must not become latest, which is %q: leave --tag out for %s", r.pkg.Version, tags[latest], chosen)
	}
	if r.Tag == "" {
		r.Tag = chosen
	}
	detail := fmt.Sprintf("%s; latest was %q", r.Tag, tags[latest])
	if len(tags) == 0 {
		detail = r.Tag + "; of a first version the registry makes latest, too"
	}
	return detail, nil
}

// distTags of the package, none when the registry does not have it.
func (r *release) distTags(ctx context.Context) (map[string]string, error) {
	out, err := r.npm(ctx, "view", r.pkg.Name, "dist-tags", "--json")
	if err != nil {
		if missing(out) {
			return nil, nil
		}
		return nil, err
	}
	tags := map[string]string{}
	if len(bytes.TrimSpace(out)) == 0 {
		return tags, nil
	}
	if err := json.Unmarshal(out, &tags); err != nil {
		return nil, errors.New("npm view: its dist-tags must be an object")
	}
	return tags, nil
}
