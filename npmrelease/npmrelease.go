// Package npmrelease publishes an npm package. The checks run the package's code, and
// pack it; what is published is their tarball, by its hash, where none of its code runs
// beside the account. Its rollback deprecates. It works against any registry; [Rehearse]
// runs it against its own.
//
// Start with [Release].
package npmrelease

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Options say what is released, and where to.
type Options struct {
	// Path is the checkout's folder, which holds package.json, for [Check] and
	// [Deprecate].
	Path string
	// Out is the folder to which [Check] writes the tarball ([TarballName]) and its
	// hash ([IntegrityName]). Empty: they are not kept.
	Out string
	// Tarball is what is published, or was, and Integrity the hash that [Check] told.
	Tarball, Integrity string
	// Registry is the registry's URL.
	Registry string
	// Version is what package.json must say, or what is deprecated. Empty: what
	// package.json says, but for [Deprecate], which requires it.
	Version string
	// Access is public or restricted.
	Access string
	// Tag is the dist-tag. Empty: the one that the version asks for, see [distTag].
	Tag string
	// NoProvenance publishes without a statement of where the package was built.
	NoProvenance bool
	// Without are the names of steps to leave out.
	Without []string
	// Use is the version that replaces a deprecated one, and gets its dist-tag.
	Use string
	// Message tells users why a version is deprecated. Empty: that of the guide.
	Message string
	// Bin is a folder that comes first on PATH, such as bun's.
	Bin string
	// Wait is how long the registry may take to show what was done.
	Wait time.Duration
	// Sleep waits between two looks at the registry. Default: in real time.
	Sleep func(context.Context, time.Duration) error
	// Reach are the variables (NAME=value) that the package's code could read. Default:
	// those of this process and of its ancestors.
	Reach func() []string
	// Getenv reads NODE_AUTH_TOKEN and the variables of GitHub Actions. Default:
	// [os.Getenv].
	Getenv func(string) string
	// Progress gets a line for each step as it begins. Default: nowhere.
	Progress io.Writer
}

// What [Check] writes to [Options.Out].
const (
	TarballName   = "package.tgz"
	IntegrityName = "integrity"
)

// ErrNotVisible is the error of a version that was published and that the registry does
// not show yet.
var ErrNotVisible = errors.New("the registry does not show it yet")

// Status is what became of a step.
type Status string

// What becomes of steps.
const (
	Done    Status = "done"
	LeftOut Status = "left out"
	Failed  Status = "failed"
	NotRun  Status = "not run"
)

// Result is what became of one step.
type Result struct {
	Step   string
	Status Status
	// Detail is what it found, why it was left out, or how it failed.
	Detail string
	Took   time.Duration
}

// Report has a result for each step, in their order.
type Report []Result

// Write prints a report as a table.
func (r Report) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, result := range r {
		detail, _, _ := strings.Cut(result.Detail, "\n")
		fmt.Fprintf(w, "%s\t%s\t%.1f s\t%s\n", result.Step, result.Status, result.Took.Seconds(), detail)
	}
	return w.Flush()
}

// Release runs the steps of a command in order and stops at the first that fails.
// The report has all of them, those that were not reached as well.
func Release(ctx context.Context, command Command, o Options) (_ Report, err error) {
	if err := checkRegistry(o.Registry); err != nil {
		return nil, err
	}
	r, err := newRelease(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	steps := r.steps(command)
	for _, name := range o.Without {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name && s.optional }) {
			return nil, fmt.Errorf("--without %s: %s has no such step that may be left out", name, command)
		}
	}
	return runSteps(ctx, steps, o.Without, r.Progress)
}

// checkRegistry keeps the token from being sent in the open.
func checkRegistry(registry string) error {
	u, err := url.Parse(registry)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the registry must be a URL such as https://registry.npmjs.org/ without a user")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("the registry %s must use https: the token would be sent in the open", registry)
	}
	return nil
}
