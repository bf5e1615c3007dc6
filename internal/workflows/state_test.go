package main

// These tests run the targets that take a stack's state with a command in place of
// Pulumi's. What ops does with a state is for ops/pulumi's tests.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a Pulumi that notes what it is asked to do. The state of each stack is what
// export has.
func fake(t *testing.T, export string) (env []string, did func() string) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the command in place of Pulumi's is a shell script")
	}
	dir := t.TempDir()
	calls, state := filepath.Join(dir, "calls"), filepath.Join(dir, "state.json")
	script := filepath.Join(dir, "pulumi")
	require.NoError(t, os.WriteFile(state, []byte(export), 0o600))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$1 $PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION\" >> "+calls+"\necho '{\"steps\": []}'\n"), 0o700))
	prcomment := filepath.Join(dir, "prcomment")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", prcomment, root+"/cmd/prcomment").CombinedOutput()
	require.NoError(t, err, string(out))
	return append(os.Environ(), "PRCOMMENT="+prcomment, "PULUMI="+script, "OPS="+script, "EXPORT=cat "+state, "AGENTS=", "GITHUB_STEP_SUMMARY=/dev/null", "GITHUB_OUTPUT=/dev/null"), func() string {
		text, _ := os.ReadFile(calls)
		return string(text)
	}
}

func run(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-C", root, "AGENTS="}, args...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The tests that share the folder .delivery are not parallel.
func TestTamperedStateIsRefused(t *testing.T) {
	const provider = `{"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:x::codeflow::pulumi:providers:%[1]s::p", "type": "pulumi:providers:%[1]s", "inputs": {%[2]s}}]}}`
	for name, c := range map[string]struct{ export, want string }{
		"a plugin's URL":   {fmt.Sprintf(provider, "aws", `"version": "6.83.4", "__internal": {"pluginDownloadURL": "https://evil.example"}`), `no such "__internal"`},
		"another provider": {fmt.Sprintf(provider, "command", `"version": "1.0.0"`), `the program has no provider "command"`},
		"another key":      {`{"version": 3, "deployment": {"secrets_providers": {"type": "cloud", "state": {"url": "hashivault://evil"}}}}`, "hashivault://evil"},
		"no state":         {"", "cannot be read"},
	} {
		targets := []string{"up"}
		if name == "another key" {
			targets = []string{"preview", "plan", "up", "apply", "drift"}
		}
		env, did := fake(t, c.export)
		for _, target := range targets {
			out, _ := run(t, env, target, "STACK=prod", `STACKS=["prod","dr"]`)
			assert.Contains(t, out, c.want, "%s: %s", target, name)
			assert.Empty(t, did(), "%s: %s: pulumi ran", target, name)
		}
	}
	env, did := fake(t, `{"version": 3, "deployment": null}`)
	_, err := run(t, env, "up", "STACK=prod")
	require.NoError(t, err)
	assert.Equal(t, "up true\n", did(), "nothing is downloaded for a state")
}

// Every line of a workflow that leads to Pulumi is a target that was tried above, or
// asks ops, which looks at the states itself.
func TestEveryTargetLooksAtTheState(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/Makefile")
	require.NoError(t, err)
	recipes := regexp.MustCompile(`(?m)^([a-z-]+):.*\n((?:\t.*\n)+)`).FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(recipes), 20)
	looks := 0
	for _, recipe := range recipes {
		name, lines := recipe[1], recipe[2]
		pulumi := strings.Index(lines, "$(PULUMI) ")
		if pulumi < 0 || name == "plugins" {
			continue
		}
		looks++
		at := strings.Index(lines, "$(trusted)")
		assert.True(t, at >= 0 && at < pulumi, "%s runs Pulumi before it looks at the state", name)
	}
	assert.Equal(t, 3, looks)
}

// What is approved is done, or nothing is.
func TestApply(t *testing.T) {
	const state = `{"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:prod::codeflow::codeflow:vpc:VPC::network", "type": "codeflow:vpc:VPC"}]}}`
	dir := t.TempDir()
	plan := filepath.Join(dir, "prod")
	env, did := fake(t, state)
	require.NoError(t, os.WriteFile(plan+".json", []byte("{}"), 0o600))
	out, err := run(t, env, "up", "STACK=prod", "PLAN="+plan)
	require.Error(t, err, "there was no approval")
	assert.Contains(t, out, "reading what was approved")
	out, err = run(t, env, "preview", "STACK=prod", "PLAN="+plan)
	assert.Error(t, err, "a preview without resources breaks the rules: %s", out)
	out, err = run(t, env, "up", "STACK=prod", "PLAN="+plan)
	require.NoError(t, err, out)
	assert.Equal(t, "preview true\nup true\n", did())

	env, did = fake(t, strings.Replace(state, "network", "other", 1))
	out, err = run(t, env, "up", "STACK=prod", "PLAN="+plan)
	require.Error(t, err)
	assert.Contains(t, out, `stack "prod" has changed since its plan was made`)
	assert.Empty(t, did())
}

// A switch that was approved for one image does not move the traffic to another.
func TestSwitchIsOfTheApprovedImage(t *testing.T) {
	env, did := fake(t, "")
	env = append(slices.Clone(env), `OUTPUTS=echo '"digest": "sha256:aa"'`, "TO=green", "STEPS=100", "BAKE=1s", "GUARD=1s")
	out, err := run(t, append(env, "DIGEST=sha256:bb"), "switch")
	require.Error(t, err)
	assert.Contains(t, out, "stack green does not run sha256:bb, the image of this deployment")
	assert.Empty(t, did())
	for _, digest := range []string{"sha256:aa", ""} {
		out, err = run(t, append(env, "DIGEST="+digest), "switch")
		require.NoError(t, err, out)
	}
	assert.Equal(t, 2, strings.Count(did(), "switch"))
}

// repository is one with three commits: the second changes the traffic only.
func repository(t *testing.T) (git func(args ...string) string) {
	t.Helper()
	dir := t.TempDir()
	git = func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet", "--initial-branch", "main")
	for _, config := range []string{"kind: platform\n  codeflow:traffic: {blue: 100}", "kind: platform\n  codeflow:traffic: {green: 100}", "kind: other\n  codeflow:traffic: {blue: 100}"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.prod.yaml"), []byte("config:\n  codeflow:"+config+"\n"), 0o600))
		git("add", ".")
		git("commit", "--quiet", "--message", "x")
	}
	git("update-ref", "refs/remotes/origin/main", "HEAD")
	return git
}

// What switch carries out is left to it, and what a later run deploys to that one.
func TestAffectedAndNewest(t *testing.T) {
	t.Parallel()
	env, _ := fake(t, "")
	git := repository(t)
	dir, makefile := git("rev-parse", "--show-toplevel"), root+"/Makefile"
	makefile, err := filepath.Abs(makefile)
	require.NoError(t, err)
	at := func(commit string, variables ...string) (string, error) {
		git("checkout", "--quiet", "--detach", commit)
		cmd := exec.CommandContext(t.Context(), "make", "-C", dir, "-f", makefile, variables[0])
		cmd.Env = slices.Concat(env, variables[1:], []string{"GITHUB_OUTPUT=/dev/stdout"})
		out, err := cmd.Output()
		return string(out), err
	}
	for _, c := range []struct{ head, base, without, want string }{
		{"main~1", "main~2", "", `stacks=["prod"]`},
		{"main~1", "main~2", "true", "stacks=[]"},
		{"main", "main~1", "true", `stacks=["prod"]`},
		{"main", "none", "true", `stacks=["prod","blue","green","dr"]`},
	} {
		out, err := at(c.head, "affected", "BASE="+c.base, "WITHOUT_TRAFFIC="+c.without)
		require.NoError(t, err)
		assert.Contains(t, out, c.want, "%v", c)
	}
	for _, c := range []struct {
		head, ref, touching string
		refused             bool
	}{
		{"main", "refs/heads/main", "", false},
		{"main~1", "refs/heads/main", "", true},
		{"main~1", "refs/heads/main", "prod|dr", true},
		{"main~1", "refs/heads/main", "blue", false},
		{"main~1", "refs/heads/other", "", false}, // somebody chose it
	} {
		out, err := at(c.head, "newest", "GITHUB_REF="+c.ref, "TOUCHING="+c.touching)
		assert.Equal(t, c.refused, err != nil, "%v: %s", c, out)
		if c.refused {
			assert.Contains(t, out, `a later commit of main touches ["prod"]`)
		}
	}
}
