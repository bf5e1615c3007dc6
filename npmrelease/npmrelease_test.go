package npmrelease_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease"
)

// hush is the account's token.
const hush = "hush-hush"

// files are a checkout's, by path.
type files map[string]string

// demo is a package that npx can run, with changes.
func demo(t *testing.T, changes files) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	all := files{
		"package.json": `{"name": "@team/demo", "version": "1.2.3", "bin": "cli.js", "files": ["cli.js", "lib", "src"], "repository": "https://github.com/team/demo.git"}`,
		"cli.js":       "#!/usr/bin/env node\nconsole.log('demo v1.2.3')\n",
	}
	maps.Copy(all, changes)
	dir := t.TempDir()
	for name, text := range all {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return dir
}

// manifest is demo's package.json with scripts.
func manifest(scripts string) files {
	return files{"package.json": `{"name": "@team/demo", "version": "1.2.3", "files": ["lib"], "scripts": {` + scripts + `}}`}
}

// fake is a registry that has what the test puts in, and one account.
type fake struct {
	URL      string
	mu       sync.Mutex
	metadata map[string]any
	tarball  []byte
	// deaf takes changes and drops them.
	deaf bool
}

func newRegistry(t *testing.T) *fake {
	t.Helper()
	r := new(fake)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL + "/"
	return r
}

func (r *fake) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	account := req.Header.Get("Authorization") == "Bearer "+hush
	switch {
	case req.URL.Path == "/-/whoami" && account:
		_, _ = w.Write([]byte(`{"username": "team"}`))
	case strings.HasPrefix(req.URL.Path, "/@team/demo") && req.Method == http.MethodPut && account:
		if !r.deaf {
			_ = json.NewDecoder(req.Body).Decode(&r.metadata)
		}
		_, _ = w.Write([]byte("{}"))
	case req.URL.Path == "/demo.tgz":
		_, _ = w.Write(r.tarball)
	case req.URL.Path == "/@team/demo" && req.Method == http.MethodGet && r.metadata != nil:
		_ = json.NewEncoder(w).Encode(r.metadata)
	default:
		http.Error(w, `{"error": "not found"}`, http.StatusNotFound)
	}
}

// publish puts a checkout in as its version 1.2.3.
func (r *fake) publish(t *testing.T, checkout string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "pack", "--json", "--pack-destination", dir)
	cmd.Dir = checkout
	out, err := cmd.Output()
	require.NoError(t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	var packed []struct{ Filename, Integrity string }
	require.NoError(t, json.Unmarshal(out, &packed))
	r.tarball, err = os.ReadFile(filepath.Join(dir, packed[0].Filename))
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(checkout, "package.json"))
	require.NoError(t, err)
	version := map[string]any{}
	require.NoError(t, json.Unmarshal(data, &version))
	if bin, ok := version["bin"].(string); ok { // as npm publish does
		version["bin"] = map[string]string{"demo": bin}
	}
	version["dist"] = map[string]string{"integrity": packed[0].Integrity, "tarball": r.URL + "demo.tgz"}
	r.metadata = map[string]any{
		"name": "@team/demo", "versions": map[string]any{"1.2.3": version}, "dist-tags": map[string]string{"latest": "1.2.3"},
	}
}

func release(t *testing.T, command npmrelease.Command, o npmrelease.Options) (map[string]npmrelease.Result, error) {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = func(name string) string { return map[string]string{"NODE_AUTH_TOKEN": hush}[name] }
	}
	report, err := npmrelease.Release(t.Context(), command, o)
	results := map[string]npmrelease.Result{}
	for _, result := range report {
		results[result.Step] = result
	}
	return results, err
}

func TestReleaseRefuses(t *testing.T) {
	t.Parallel()
	const loopback = "http://127.0.0.1:1/"
	tests := map[string]struct {
		manifest string
		o        npmrelease.Options
		want     string
	}{
		"no package":      {"", npmrelease.Options{Registry: loopback}, "--path must be the folder of the package"},
		"no JSON":         {"{", npmrelease.Options{Registry: loopback}, "package.json: unexpected end of JSON input"},
		"no name":         {`{"version": "1.2.3"}`, npmrelease.Options{Registry: loopback}, "name must be set"},
		"no version":      {`{"name": "demo"}`, npmrelease.Options{Registry: loopback}, `version must be like 1.2.3, got ""`},
		"private":         {`{"name": "demo", "version": "1.2.3", "private": true}`, npmrelease.Options{Registry: loopback}, "private must not be true"},
		"another version": {`{"name": "demo", "version": "1.2.3"}`, npmrelease.Options{Registry: loopback, Version: "1.2.4"}, "version must be 1.2.4, got 1.2.3: run `npm version 1.2.4`"},
		"no such step":    {`{"name": "demo", "version": "1.2.3"}`, npmrelease.Options{Registry: loopback, Without: []string{"tests"}}, "--without tests: check has no such step"},
		"not to skip":     {`{"name": "demo", "version": "1.2.3"}`, npmrelease.Options{Registry: loopback, Without: []string{"secrets"}}, "--without secrets: check has no such step"},
		"no registry":     {"", npmrelease.Options{}, "the registry must be a URL"},
		"a user":          {"", npmrelease.Options{Registry: "https://me:secret@registry.example/"}, "without a user"},
		"in the open":     {"", npmrelease.Options{Registry: "http://registry.example/"}, "must use https"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.o.Path = t.TempDir()
			if tt.manifest != "" {
				require.NoError(t, os.WriteFile(filepath.Join(tt.o.Path, "package.json"), []byte(tt.manifest), 0o600))
			}
			_, err := release(t, npmrelease.Check, tt.o)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	results, err := release(t, npmrelease.Check, npmrelease.Options{
		Registry: newRegistry(t).URL, Without: []string{"lint"}, Progress: &progress,
		Path: demo(t, files{
			"package.json": `{"name": "@team/demo", "version": "1.2.3", "scripts": {"test": "node --version", "lint": "exit 1", "prepack": "exit 1"}}`,
			"src/a.js":     "fetch('https://a.example', process.env.A)",
		}),
	})
	require.NoError(t, err)
	for step, want := range map[string]npmrelease.Result{
		"typecheck": {Status: npmrelease.LeftOut, Detail: "package.json has no script typecheck"},
		"test":      {Status: npmrelease.Done, Detail: " run test"},
		"lint":      {Status: npmrelease.LeftOut, Detail: "--without lint"},
		"build":     {Status: npmrelease.LeftOut, Detail: "package.json has no script build"},
		"secrets":   {Status: npmrelease.Done, Detail: "none in 3 files"},
		"uses":      {Status: npmrelease.Done, Detail: "network: 2, process.env: 1"},
		"pack":      {Status: npmrelease.Done, Detail: "3 files, 0 kB, sha512-"},
	} {
		assert.Equal(t, want.Status, results[step].Status, step)
		assert.Contains(t, results[step].Detail, want.Detail)
	}
	assert.NotContains(t, results, "publish")
	assert.Contains(t, progress.String(), "  src/a.js: network: 2\n")
}

func TestCheckFails(t *testing.T) {
	t.Parallel()
	token := "npm_" + strings.Repeat("x", 36)
	tests := map[string]struct {
		changes    files
		step, want string
	}{
		"a script":                {manifest(`"test": "echo the reason; exit 1"`), "test", "the reason"},
		"no tools":                {files{"package.json": `{"name": "demo", "version": "1.2.3", "scripts": {"lint": "exit 1"}, "devDependencies": {"eslint": "9.0.0"}}`}, "lint", " install` in "},
		"a script has no account": {manifest(`"test": "node -e \"console.log('token', process.env.NODE_AUTH_TOKEN); process.exit(1)\""`), "test", "token undefined"},
		"an error has no token":   {manifest(`"test": "echo 'it is ` + hush + `'; exit 1"`), "test", "it is ***"},
		"a published secret":      {files{"lib/a.js": token}, "secrets", "lib/a.js:1: error: secret: must not hold secrets"},
		"a secret in src": {files{
			"package.json": `{"name": "demo", "version": "1.2.3", "files": ["lib"]}`, "src/a.js": "\n" + token,
		}, "secrets", "src/a.js:2: error: secret"},
		"a secret that a build puts in": {files{
			"package.json": `{"name": "demo", "version": "1.2.3", "files": ["lib"], "scripts": {"build": "node build.cjs"}}`,
			"build.cjs":    `const fs = require("fs"); fs.mkdirSync("lib"); fs.writeFileSync("lib/a.js", "npm_" + "x".repeat(36))`,
		}, "pack", "package/lib/a.js:1: error: secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := release(t, npmrelease.Publish, npmrelease.Options{Path: demo(t, tt.changes), Registry: newRegistry(t).URL, NoProvenance: true})
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, tt.step+": ")
			assert.NotContains(t, err.Error(), hush)
			assert.NotContains(t, err.Error(), token)
			assert.Equal(t, npmrelease.Failed, results[tt.step].Status)
			assert.Equal(t, npmrelease.NotRun, results["publish"].Status)
		})
	}
}

// It sets variables of the process, so it is not parallel.
func TestScriptsGetNoSecrets(t *testing.T) {
	t.Setenv("GH_TOKEN", "one")
	t.Setenv("NODE_AUTH_TOKEN", "two")
	t.Setenv("NPM_CONFIG_USERCONFIG", "/no/such/.npmrc")
	_, err := release(t, npmrelease.Check, npmrelease.Options{
		Path: demo(t, manifest(`"test": "node -e \"const e = process.env; console.log(e.GH_TOKEN, e.NODE_AUTH_TOKEN, e.NPM_CONFIG_USERCONFIG); process.exit(1)\""`)), Registry: newRegistry(t).URL,
	})
	assert.ErrorContains(t, err, "\n\nundefined undefined undefined")
}

func TestProvenance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		actions map[string]string
		want    string
	}{
		"not in Actions":     {nil, "ACTIONS_ID_TOKEN_REQUEST_URL must be set"},
		"another repository": {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example", "GITHUB_REPOSITORY": "team/mydemo"}, "repository.url must be that of the workflow's repository team/mydemo"},
		"its own":            {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example", "GITHUB_REPOSITORY": "Team/demo"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// npm itself is not in Actions, so nothing is published anyhow.
			results, err := release(t, npmrelease.Publish, npmrelease.Options{
				Path: demo(t, nil), Registry: newRegistry(t).URL, Getenv: func(name string) string { return tt.actions[name] },
			})
			require.Error(t, err)
			if tt.want != "" {
				assert.Contains(t, results["provenance"].Detail, tt.want)
				assert.Equal(t, npmrelease.NotRun, results["new version"].Status)
				return
			}
			assert.Equal(t, "from Team/demo", results["provenance"].Detail)
			assert.Equal(t, "there is no NODE_AUTH_TOKEN: npm uses trusted publishing", results["account"].Detail)
			assert.Equal(t, npmrelease.Failed, results["publish"].Status)
		})
	}
}

func TestPublishWithoutAccount(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{"": "NODE_AUTH_TOKEN must be set", "wrong": "npm whoami: exit status 1"} {
		_, err := release(t, npmrelease.Publish, npmrelease.Options{
			Path: demo(t, nil), Registry: newRegistry(t).URL, NoProvenance: true, Getenv: func(string) string { return token },
		})
		assert.ErrorContains(t, err, "account: "+want)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		published files
		change    func(*fake)
		want      string
	}{
		"right": {nil, func(*fake) {}, ""},
		"something else": {nil, func(r *fake) {
			r.version()["dist"] = map[string]string{"integrity": "sha512-b3RoZXI=", "tarball": r.URL}
		}, "something else was published"},
		"another dist-tag": {nil, func(r *fake) { r.metadata["dist-tags"] = map[string]string{"next": "1.2.3"} }, "dist-tag latest must be 1.2.3"},
		"missing":          {nil, func(r *fake) { r.metadata = nil }, "does not have @team/demo@1.2.3"},
		"another version":  {files{"cli.js": "#!/usr/bin/env node\nconsole.log('v1.2.30')"}, func(*fake) {}, `--version must print 1.2.3, got "v1.2.30"`},
		"no interpreter":   {files{"cli.js": "#!/usr/bin/env -S nobun run\n"}, func(*fake) {}, "the package needs nobun, which is not on PATH here"},
		"it fails":         {files{"cli.js": "#!/usr/bin/env node\nthrow new Error('the reason')"}, func(*fake) {}, "the reason"},
		"nothing to run":   {files{"package.json": `{"name": "@team/demo", "version": "1.2.3"}`}, func(*fake) {}, "--without npx"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkout, r := demo(t, tt.published), newRegistry(t)
			r.publish(t, checkout)
			r.mu.Lock()
			tt.change(r)
			r.mu.Unlock()
			results, err := release(t, npmrelease.Verify, npmrelease.Options{Path: checkout, Registry: r.URL})
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "it says demo v1.2.3", results["npx"].Detail)
		})
	}
}

func (r *fake) version() map[string]any {
	return r.metadata["versions"].(map[string]any)["1.2.3"].(map[string]any)
}

func TestDeprecate(t *testing.T) {
	t.Parallel()
	checkout := demo(t, nil)
	tests := map[string]struct {
		latest string
		deaf   bool
		o      npmrelease.Options
		want   map[string]string // by step
	}{
		"a message": {"1.2.3", false, npmrelease.Options{Message: "do not"}, map[string]string{"deprecate": "do not", "dist-tag": "no --use"}},
		"a newer one is out": {"1.2.4", false, npmrelease.Options{Use: "1.2.2"}, map[string]string{
			"deprecate": "This version has critical issues. Use 1.2.2 instead", "dist-tag": "latest is 1.2.4 already",
		}},
		"nothing changes": {"1.2.3", true, npmrelease.Options{Message: "do not"}, map[string]string{"view": `deprecated must be "do not", got ""`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			r.publish(t, checkout)
			r.mu.Lock()
			other := maps.Clone(r.version())
			other["version"] = "1.2.2"
			r.metadata["versions"].(map[string]any)["1.2.2"] = other
			r.metadata["dist-tags"] = map[string]string{"latest": tt.latest}
			r.deaf = tt.deaf
			r.mu.Unlock()
			tt.o.Path, tt.o.Registry, tt.o.Version = checkout, r.URL, "1.2.3"
			results, err := release(t, npmrelease.Deprecate, tt.o)
			assert.Equal(t, tt.deaf, err != nil)
			for step, want := range tt.want {
				assert.Equal(t, want, results[step].Detail)
			}
			assert.Equal(t, "team", results["account"].Detail)
		})
	}
}

func TestDeprecateRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]npmrelease.Options{
		"--version must be given":             {},
		"--message must be given, or --use":   {Version: "1.2.3"},
		"does not have @team/demo@1.2.4":      {Version: "1.2.4", Use: "1.2.3"},
		"does not have @team/demo@1.2.2":      {Version: "1.2.3", Use: "1.2.2"},
		"must be another than the deprecated": {Version: "1.2.3", Use: "1.2.3"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			o.Path, o.Registry = demo(t, nil), r.URL
			r.publish(t, o.Path)
			results, err := release(t, npmrelease.Deprecate, o)
			assert.ErrorContains(t, err, want)
			assert.Equal(t, npmrelease.NotRun, results["view"].Status)
		})
	}
}
