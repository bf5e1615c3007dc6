package main

// These tests plant secrets that nobody marked. They do not prove that one of another
// shape, by no telling name, is seen.

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// planted are 30 secrets: two of each kind that the scan of agents knows, and two that
// only their place tells. They are put together here, so that no scanner takes this
// file for a leak.
func planted() (all []string) {
	for _, x := range []string{"x", "Q"} {
		x := func(n int) string { return strings.Repeat(x, n) }
		all = append(all,
			"AKIA"+strings.ToUpper(x(16)), "ghp_"+x(36), "glpat-"+x(20), "xoxb-"+x(12), "https://hooks.slack.com/services/"+x(44),
			"AIza"+x(35), "sk_live_"+x(24), "npm_"+x(36), "pypi-AgEIcHlwaS5vcmc"+x(50), "sk-proj-"+x(20)+"T3BlbkFJ"+x(20),
			"sk-ant-api03-"+x(93)+"AA", "pul-"+strings.Repeat("ab"[len(all)%2:][:1], 40), "eyJ"+x(17)+".eyJ"+x(17)+"."+x(10),
			"-----BEGIN RSA PRIVATE"+" KEY-----\n"+x(64)+"\n-----END RSA PRIVATE"+" KEY-----",
		)
	}
	return append(all, "postgres://app:n0t-real-pw@db.internal/x", "correct horse battery staple")
}

// leaked is a secret in a text, or the part of it that tells.
func leaked(text, secret string) bool {
	for _, form := range []string{secret, strings.Trim(fmt.Sprintf("%q", secret), `"`), strings.ReplaceAll(secret, "\n", " ")} {
		if strings.Contains(text, form) {
			return true
		}
	}
	for _, part := range []string{"n0t-real-pw", "correct horse", strings.Repeat("x", 24), strings.Repeat("Q", 24)} {
		if strings.Contains(secret, part) && strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func TestUnmarkedSecretsAreMasked(t *testing.T) {
	t.Parallel()
	secrets := planted()
	require.Len(t, secrets, 30)
	const urn = "urn:pulumi:prod::codeflow::aws:ssm/parameter:Parameter::"
	type object = map[string]any
	for i, secret := range secrets {
		inJSON, err := json.Marshal([]any{object{"environment": []any{object{"name": "DB_PASSWORD", "value": secret}}}})
		require.NoError(t, err)
		text := strings.ReplaceAll(secret, "\n", `\n`)
		if i == len(secrets)-1 {
			text = "none" // nothing tells that one where its name is not
		}
		inputs := func(n int, value string) object {
			return object{"inputs": object{
				"n": n, "password": secret, "list": []any{text}, "map": object{text: 1}, "tags": object{"Note": "see " + text},
				"containerDefinitions": strings.ReplaceAll(string(inJSON), "DB_PASSWORD", value),
			}}
		}
		raw, err := json.Marshal(object{
			"steps": []any{
				object{"op": "create", "urn": urn + "a", "newState": inputs(1, "DB_PASSWORD")},
				object{"op": "update", "urn": urn + "b", "oldState": inputs(1, "OLD_PASSWORD"), "newState": inputs(2, "DB_PASSWORD")},
				object{
					"op": "replace", "urn": urn + "c", "oldState": inputs(1, "OLD_TOKEN"), "newState": inputs(2, "API_KEY"), "replaceReasons": []string{text},
					"detailedDiff": object{"containerDefinitions": object{"inputDiff": true}, "password": object{"inputDiff": true}, "map": object{"inputDiff": true}},
				},
				object{"op": "delete", "urn": urn + text, "oldState": inputs(1, "DB_PASSWORD")},
				object{"op": "explode", "urn": urn + text},
			},
			"diagnostics": []any{
				object{"severity": "error", "message": "connect " + text + " refused"},
				object{"severity": "warning", "message": text},
			},
		})
		require.NoError(t, err)
		dir := t.TempDir()
		file := filepath.Join(dir, "raw.json")
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		code, artifact, log := prcomment(t, "", "reduce", "--stack", "prod", file)
		require.Equal(t, exitOK, code, log)
		assert.Contains(t, log, "prod: a password: ")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "prod.json"), []byte(artifact), 0o600))
		diff := filepath.Join(dir, "agents.txt")
		require.NoError(t, os.WriteFile(diff, []byte("1 changed\n\n+"+text+"\n"), 0o600))
		code, comment, more := prcomment(t, "", "render", "--affected", `["prod"]`, "--previews", dir, "--agents", diff, "--policies", diff)
		assert.Equal(t, exitFailure, code, more)
		assert.Contains(t, comment, "**Masked: it looks like a secret and is not marked as one**")
		_, drift, _ := prcomment(t, "", "drift", "--refreshes", dir)
		_, lines, warned := prcomment(t, "value: "+strings.ReplaceAll(text, `\n`, "\n")+"\n", "mask")
		for where, shown := range map[string]string{
			"artifact": artifact, "log": log + more + warned, "comment": comment, "issue": drift, "masked log": lines,
		} {
			assert.False(t, leaked(shown, secret), "%q in the %s:\n%s", secret, where, shown)
		}
	}
}

// What is reduced gives the comment that the whole gives.
func TestReducedGivesTheSameComment(t *testing.T) {
	t.Parallel()
	scenarios, err := os.ReadDir(recorded)
	require.NoError(t, err)
	compared := 0
	for _, scenario := range scenarios {
		files, err := filepath.Glob(filepath.Join(recorded, scenario.Name(), "*.json"))
		require.NoError(t, err)
		dir, affected := t.TempDir(), []string{}
		for _, file := range files {
			stack := strings.TrimSuffix(filepath.Base(file), ".json")
			affected = append(affected, stack)
			code, reduced, stderr := prcomment(t, "", "reduce", "--stack", stack, file)
			require.Equal(t, exitOK, code, stderr)
			require.NoError(t, os.WriteFile(filepath.Join(dir, stack+".json"), []byte(reduced), 0o600))
			again, _, _ := prcomment(t, "", "reduce", "--stack", stack, filepath.Join(dir, stack+".json"))
			assert.Equal(t, exitOK, again)
		}
		list, err := json.Marshal(affected)
		require.NoError(t, err)
		_, want, _ := prcomment(t, "", "render", "--affected", string(list), "--previews", filepath.Join(recorded, scenario.Name()))
		_, got, _ := prcomment(t, "", "render", "--affected", string(list), "--previews", dir)
		assert.Equal(t, want, got, scenario.Name())
		compared += len(files)
	}
	assert.Greater(t, compared, 10)
}

func TestReduceRefuses(t *testing.T) {
	t.Parallel()
	code, _, stderr := prcomment(t, "", "reduce", "--stack", "other", "x")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, `--stack must be one of prod, blue, green, dr, got "other"`)
	code, reduced, _ := prcomment(t, "", "reduce", "--stack", "prod", "missing")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, reduced, "its job left no preview", "the comment tells it")
}

func TestSealed(t *testing.T) {
	t.Parallel()
	const marked = `{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "AAAA"}`
	for plan, want := range map[string]string{
		`{"resourcePlans": {"urn:a": {"goal": {"inputDiff": {"adds": {"password": ` + marked + `}}}}}}`:   "",
		`{"resourcePlans": {"urn:a": {"goal": {"inputDiff": {"adds": {"password": "hunter2hunter2"}}}}}}`: "password: a value by the name of a secret in clear text: mark it secret",
		`{"resourcePlans": {`: "it is no complete JSON",
	} {
		file := filepath.Join(t.TempDir(), "plan.json")
		require.NoError(t, os.WriteFile(file, []byte(plan), 0o600))
		code, _, stderr := prcomment(t, "", "sealed", file)
		if want == "" {
			assert.Equal(t, exitOK, code, stderr)
			assert.FileExists(t, file)
			continue
		}
		assert.Equal(t, exitFailure, code)
		assert.Contains(t, stderr, want)
		assert.NotContains(t, stderr, "hunter2")
		assert.NoFileExists(t, file, "it is not handed on")
	}
}

// A plan is for the state that it was made of.
func TestState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, saved := filepath.Join(dir, "Pulumi.prod.yaml"), filepath.Join(dir, "state")
	require.NoError(t, os.WriteFile(config, []byte("config: {}\n"), 0o600))
	const before = `{"version": 3, "deployment": {"manifest": {"time": "1"}, "resources": [{"urn": "urn:pulumi:prod::codeflow::codeflow:vpc:VPC::network", "type": "codeflow:vpc:VPC"}]}}`
	state := func(export string, more ...string) (int, string) {
		code, _, stderr := prcomment(t, export, append([]string{"state", "--stack", "prod", "--config", config}, more...)...)
		return code, stderr
	}
	code, stderr := state(before, "--save", saved)
	require.Equal(t, exitOK, code, stderr)
	code, stderr = state(strings.Replace(before, `"1"`, `"2"`, 1), "--same", saved)
	assert.Equal(t, exitOK, code, "nothing but the time has changed: %s", stderr)
	code, stderr = state(strings.Replace(before, "network", "other", 1), "--same", saved)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, `stack "prod" has changed since its plan was made`)
	code, stderr = state(before, "--same", filepath.Join(dir, "missing"))
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "reading what was approved")
	code, stderr = state(strings.ReplaceAll(before, "codeflow:vpc:VPC", "evil:vpc:VPC"), "--save", filepath.Join(dir, "other"))
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, `no resources of package "evil"`)
	assert.NoFileExists(t, filepath.Join(dir, "other"))
	code, stderr = state(before, "--config", "missing")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "reading the stack's file")
	code, _, _ = prcomment(t, "", "state")
	assert.Equal(t, exitUsage, code)
}
