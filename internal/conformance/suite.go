package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

const scenarioTimeout = time.Minute

// suite is the official conformance suite. It needs a newer Node.js than many
// have, and runs on bun as well.
type suite struct{ prefix, bun, script, target string }

// checkSuite runs every scenario of the suite in a package. One that the table of
// scenarios does not have, or has in vain, fails.
func checkSuite(ctx context.Context, r *report, prefix, name, target string, table map[string]scenario) error {
	bun, err := process.Bun(ctx, peers)
	if err != nil {
		return err
	}
	s := suite{prefix, bun, filepath.Join(peers, "node_modules", filepath.FromSlash(name), "dist", "index.js"), target}
	listed, err := s.list(ctx)
	if err != nil {
		return fmt.Errorf("listing the suite's scenarios: %w", err)
	}
	for _, name := range listed {
		if err := ctx.Err(); err != nil {
			return err
		}
		known, ok := table[name]
		delete(table, name)
		if !ok {
			r.check(s.prefix+name, "", errors.New("the scenario is new: decide in scenarios.go how it is run"))
			continue
		}
		s.check(ctx, r, name, known)
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		r.check(s.prefix+name, "", errors.New("the suite does not have the scenario: remove it from scenarios.go"))
	}
	return nil
}

var scenarioRE = regexp.MustCompile(`(?m)^  - (\S+)`)

func (s suite) list(ctx context.Context) (names []string, err error) {
	out, err := exec.CommandContext(ctx, s.bun, s.script, "list", "--server").Output()
	for _, match := range scenarioRE.FindAllSubmatch(out, -1) {
		names = append(names, string(match[1]))
	}
	return names, err
}

// check runs a scenario and reports it.
func (s suite) check(ctx context.Context, r *report, name string, how scenario) {
	target, detail := s.target, ""
	if how.as != nil {
		proxy, err := how.as.proxy(s.target)
		if err != nil {
			r.check(s.prefix+name, "", err)
			return
		}
		defer proxy.Close()
		params, _ := json.Marshal(how.as.params) // texts
		target, detail = proxy.URL, fmt.Sprintf(", with %s for %s", params, how.as.fixture)
	}
	found, err := s.run(ctx, target, name)
	if err != nil {
		r.check(s.prefix+name, "", err)
		return
	}
	passed, failures := found.verdict()
	err = errors.Join(failures...)
	other := func(failure error) bool { return !how.evidence.MatchString(failure.Error()) }
	switch {
	case how.skipped == "":
		r.check(s.prefix+name, fmt.Sprintf("%d checks%s", passed, detail), err)
	case err == nil:
		r.check(s.prefix+name, "", errors.New("it passes: do not skip it"))
	case slices.ContainsFunc(failures, other):
		r.check(s.prefix+name, "", fmt.Errorf("it is not skipped because %s: %w", how.skipped, err))
	default:
		r.skip(s.prefix+name, fmt.Sprintf("%s; %d other checks pass", how.skipped, passed))
	}
}

// findings are what a scenario reports.
type findings []struct {
	Status, ErrorMessage string
	Details              struct{ Message string }
}

// verdict returns how many checks passed, and what failed. A scenario that only
// warns has checked nothing.
func (f findings) verdict() (passed int, failures []error) {
	var warnings []error
	for _, c := range f {
		message := errors.New(c.ErrorMessage + c.Details.Message)
		switch c.Status {
		case "SUCCESS":
			passed++
		case "FAILURE":
			failures = append(failures, message)
		default:
			warnings = append(warnings, message)
		}
	}
	if passed == 0 && failures == nil {
		failures = []error{fmt.Errorf("nothing was checked: %w", errors.Join(warnings...))}
	}
	return passed, failures
}

// run runs a scenario. That it fails is no error.
func (s suite) run(ctx context.Context, target, name string) (findings, error) {
	ctx, cancel := context.WithTimeout(ctx, scenarioTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "scenario-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out, runErr := exec.CommandContext(ctx, s.bun, s.script, "server", "--url", target, "--scenario", name, "--output-dir", dir).CombinedOutput()
	files, err := filepath.Glob(filepath.Join(dir, "*", "checks.json"))
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("the suite left no results: %w: %s", errors.Join(runErr, err), out)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	var found findings
	return found, json.Unmarshal(data, &found)
}
