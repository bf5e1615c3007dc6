package npmrelease

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Command is what is done with a package.
type Command string

// The commands.
const (
	// Check does what comes before publishing, which runs the package's code and needs
	// no account, and packs it.
	Check Command = "check"
	// Publish publishes what was checked, and runs none of its code.
	Publish Command = "publish"
	// Verify compares what the registry has with what was published.
	Verify Command = "verify"
	// Deprecate warns users of a version, and leads them to another.
	Deprecate Command = "deprecate"
)

// step is one line of a checklist.
type step struct {
	name, does string
	// optional steps may be left out with [Options.Without].
	optional bool
	// leaveOut returns why the step does not apply. Nil or no reason: it does.
	leaveOut func() string
	run      func(context.Context) (detail string, err error)
}

// steps returns a command's, or none if there is no such command. The scripts of
// npm pack and npm publish do not run: the checks are steps of their own here, and
// the package's prepublishOnly ends with "|| echo", which lets every failure pass.
func (r *release) steps(command Command) []step {
	manifest := step{name: "package", does: "read package.json", run: r.readPackage}
	pack := step{name: "pack", does: "npm pack, and scan what is in the tarball", run: r.pack}
	checks := []step{
		{name: "new version", does: "npm view: is it published already?", run: r.isNew},
		{name: "secrets", does: "npm pack --dry-run, and scan its files and src/", run: r.scan},
		{name: "uses", does: "count uses of the network and the environment", run: r.countUses},
		{name: "reach", does: "look for tokens that the package's code could read", run: r.noSecrets},
		r.script("typecheck"), r.script("test"), r.script("lint"), r.script("build", "build:cli"),
		pack,
		{name: "npx", does: "run the tarball's --version in an empty folder with an empty cache", optional: true, run: r.runPacked},
		{name: "keep", does: "write the tarball and its hash", leaveOut: r.notKept, run: r.keep},
	}
	switch command {
	case Check:
		return slices.Concat([]step{manifest}, checks)
	case Publish:
		return []step{
			manifest,
			{name: "npm", does: "npm --version: can it use trusted publishing?", leaveOut: r.notTrusted, run: r.canTrade},
			{name: "provenance", does: "can this run prove where the package is built?", leaveOut: r.noProvenance, run: r.canProve},
			{name: "new version", does: "npm view: is it published already?", run: r.isNew},
			{name: "dist-tag", does: "npm view: what do users get who ask for no version?", run: r.chooseTag},
			{name: "account", does: "npm whoami", leaveOut: r.trustedPublishing, run: r.whoami},
			{name: "dry run", does: "npm publish --dry-run", run: r.dryRun},
			{name: "publish", does: "npm publish", run: r.publish},
		}
	case Verify:
		return []step{
			manifest,
			{name: "view", does: "npm view: is it what was published?", run: r.viewPublished},
		}
	case Deprecate:
		return []step{
			{name: "account", does: "npm whoami", run: r.whoami},
			{name: "deprecate", does: "npm deprecate", run: r.deprecate},
			{name: "dist-tag", does: "npm dist-tag add: what users get instead", leaveOut: r.noReplacement, run: r.moveTag},
			{name: "view", does: "npm view: are users warned?", run: r.viewDeprecated},
		}
	}
	return nil
}

// script is a step that runs a script of package.json: the first that it has.
func (r *release) script(names ...string) step {
	found := slices.IndexFunc(names, func(name string) bool { return r.pkg.Scripts[name] != "" })
	return step{
		name: names[0], does: "run the script of package.json", optional: true,
		leaveOut: func() string {
			if found < 0 {
				return "package.json has no script " + names[0]
			}
			return ""
		},
		run: func(ctx context.Context) (string, error) { return r.runScript(ctx, names[found]) },
	}
}

// runSteps runs them in order and stops at the first that fails.
func runSteps(ctx context.Context, list []step, without []string, progress io.Writer) (report Report, failed error) {
	for _, s := range list {
		result := Result{Step: s.name, Status: NotRun}
		switch reason := s.reason(without); {
		case failed != nil:
		case reason != "":
			result.Status, result.Detail = LeftOut, reason
			fmt.Fprintf(progress, "%s: left out: %s\n", s.name, reason)
		default:
			fmt.Fprintf(progress, "%s: %s\n", s.name, s.does)
			began := time.Now()
			detail, err := s.run(ctx)
			result = Result{s.name, Done, detail, time.Since(began)}
			if err != nil {
				failed = fmt.Errorf("%s: %w", s.name, err)
				result.Status, result.Detail = Failed, err.Error()
			}
		}
		report = append(report, result)
	}
	return report, failed
}

// reason returns why a step is left out, or nothing.
func (s step) reason(without []string) string {
	switch {
	case slices.Contains(without, s.name):
		return "--without " + s.name
	case s.leaveOut != nil:
		return s.leaveOut()
	}
	return ""
}
