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

// It is not parallel: the targets share the folder .delivery.
func TestTamperedStateIsRefused(t *testing.T) { //nolint:paralleltest // see above
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
func TestApply(t *testing.T) { //nolint:paralleltest // .delivery
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
func TestSwitchIsOfTheApprovedImage(t *testing.T) { //nolint:paralleltest // .delivery
	env, did := fake(t, "")
	env = append(env, `OUTPUTS=echo '"digest": "sha256:aa"'`, "TO=green", "STEPS=100", "BAKE=1s", "GUARD=1s")
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
