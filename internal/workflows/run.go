package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// runner runs the steps of workflows in a clone of the project.
type runner struct {
	dir string   // the clone
	env []string // besides this process's
	out io.Writer

	rows []string
}

// scenario is one run of a workflow.
type scenario struct {
	workflow string
	// values of its expressions, and of the conditions ("true") of its jobs and steps.
	// A job or step whose condition is not "true" is not run.
	values values
	// leave says why a step, by its run or uses, is not run here.
	leave map[string]string
	// fails is the step that must.
	fails string
}

var errFailed = errors.New("a step failed")

// play runs a scenario.
func (r *runner) play(ctx context.Context, w *workflow, s scenario) error {
	v := values{}
	maps.Copy(v, s.values)
	failed := ""
	for _, j := range w.Jobs {
		if j.Uses != "" || j.If != "" && v[j.If] != "true" {
			r.row(s, j.ID, "", "left out", "not of this run")
			continue
		}
		combinations, err := j.combinations(v)
		if err != nil {
			return err
		}
		for _, matrix := range combinations {
			maps.Copy(v, matrix)
			env, err := environment(v, w.Env, j.Env)
			if err != nil {
				return fmt.Errorf("%s: job %s: %w", w.File, j.ID, err)
			}
			if failed, err = r.job(ctx, s, j, v, env); err != nil {
				return fmt.Errorf("%s: job %s: %w", w.File, j.ID, err)
			}
		}
		for name, text := range j.Outputs {
			if v["needs."+j.ID+".outputs."+name], err = v.fill(text); err != nil {
				return err
			}
		}
		if failed != "" {
			break
		}
	}
	if failed != s.fails {
		return fmt.Errorf("%s: the step that fails must be %q, got %q: %w", w.File, s.fails, failed, errFailed)
	}
	return nil
}

// job runs the steps of a job and returns the one that failed.
func (r *runner) job(ctx context.Context, s scenario, j job, v values, env []string) (failed string, err error) {
	for _, step := range j.Steps {
		what := step.Run + step.Uses
		always := strings.Contains(step.If, "always()")
		why, left := s.leave[what]
		switch {
		case step.Uses != "":
			if why, left = stands(step.Uses); !left {
				return "", fmt.Errorf("nothing stands in for %q", step.Uses)
			}
			r.row(s, j.ID, what, "stands in", why)
			continue
		case failed != "" && !always, step.If != "" && step.If != "always()" && v[step.If] != "true":
			r.row(s, j.ID, what, "left out", "its condition")
			continue
		case left:
			r.row(s, j.ID, what, "left out", why)
			continue
		}
		own, err := environment(v, step.Env)
		if err != nil {
			return "", err
		}
		outputs, seconds, err := r.run(ctx, step.Run, append(slices.Clone(env), own...))
		for name, value := range outputs {
			v["steps."+step.ID+".outputs."+name] = value
		}
		result := "ok"
		if err != nil {
			if failed = step.Run; failed != s.fails {
				return "", fmt.Errorf("%s: %w", step.Run, err)
			}
			result = "fails, as it must"
		}
		r.row(s, j.ID, what, result, fmt.Sprintf("%.1f s", seconds))
	}
	return failed, nil
}

// run runs a line as GitHub does and reads the outputs that it set.
func (r *runner) run(ctx context.Context, line string, env []string) (outputs map[string]string, seconds float64, err error) {
	file := filepath.Join(r.dir, ".git", "github-output")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, 0, err
	}
	fmt.Fprintf(r.out, "\n=== %s\n", line)
	began := time.Now()
	cmd := exec.CommandContext(ctx, "bash", "-e", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, r.out, r.out
	cmd.Env = slices.Concat(os.Environ(), r.env, env, []string{"GITHUB_OUTPUT=" + file})
	err = cmd.Run()
	seconds = time.Since(began).Seconds()
	text, readErr := os.ReadFile(file)
	outputs = map[string]string{}
	for set := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(set, "\n"), "=")
		outputs[name] = value
	}
	return outputs, seconds, errors.Join(err, readErr)
}

func (r *runner) row(s scenario, job, what, result, detail string) {
	r.rows = append(r.rows, strings.Join([]string{s.workflow, job, what, result, detail}, "\t"))
}

// stands says what stands in for an action here.
func stands(uses string) (what string, ok bool) {
	action, _, _ := strings.Cut(uses, "@")
	what, ok = map[string]string{
		"actions/checkout":             "the clone",
		"./.github/actions/setup":      "what is installed",
		"actions/upload-artifact":      "the folder .delivery",
		"actions/download-artifact":    "the folder .delivery",
		"github/codeql-action/init":    "nothing: CodeQL runs on GitHub only",
		"github/codeql-action/analyze": "nothing: CodeQL runs on GitHub only",
	}[action]
	return what, ok
}

// environment fills in maps of variables, sorted.
func environment(v values, lists ...map[string]string) (env []string, err error) {
	for _, variables := range lists {
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			value, err := v.fill(variables[name])
			if err != nil {
				return nil, err
			}
			env = append(env, name+"="+value)
		}
	}
	return env, nil
}

// combinations of a job's matrix, which has one dimension at most.
func (j job) combinations(v values) ([]values, error) {
	for name, node := range j.Strategy.Matrix {
		var list []string
		text := node.Value
		if node.Kind == yaml.ScalarNode { // ${{ fromJSON(needs.x.outputs.y) }}
			inner := strings.TrimSuffix(strings.TrimPrefix(expression.FindStringSubmatch(text)[1], "fromJSON("), ")")
			if err := yaml.Unmarshal([]byte(v[inner]), &list); err != nil {
				return nil, fmt.Errorf("job %s: matrix of %q: %w", j.ID, v[inner], err)
			}
		} else if err := node.Decode(&list); err != nil {
			return nil, err
		}
		var all []values
		for _, value := range list {
			all = append(all, values{"matrix." + name: value})
		}
		return all, nil
	}
	return []values{{}}, nil
}
