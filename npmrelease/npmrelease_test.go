package npmrelease_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	// hidden is how often it still denies to have what it has.
	hidden int
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
			r.take(req.Body)
		}
		_, _ = w.Write([]byte("{}"))
	case req.URL.Path == "/demo.tgz":
		_, _ = w.Write(r.tarball)
	case req.URL.Path == "/@team/demo" && req.Method == http.MethodGet && r.hidden > 0:
		r.hidden--
		http.Error(w, `{"error": "not found"}`, http.StatusNotFound)
	case req.URL.Path == "/@team/demo" && req.Method == http.MethodGet && r.metadata != nil:
		_ = json.NewEncoder(w).Encode(r.metadata)
	default:
		http.Error(w, `{"error": "not found"}`, http.StatusNotFound)
	}
}

// take adds what npm sends to what it has, as a registry does: the first version is
// latest, too. A deprecation is a whole document.
func (r *fake) take(body io.Reader) {
	sent := map[string]any{}
	_ = json.NewDecoder(body).Decode(&sent)
	if r.metadata == nil {
		r.metadata = map[string]any{"name": "@team/demo", "versions": map[string]any{}, "dist-tags": map[string]any{}}
	}
	part := func(of map[string]any, name string) map[string]any {
		if found, ok := of[name].(map[string]any); ok {
			return found
		}
		return map[string]any{}
	}
	versions, tags := part(r.metadata, "versions"), part(r.metadata, "dist-tags")
	for version, manifest := range part(sent, "versions") {
		if len(versions) == 0 {
			tags["latest"] = version
		}
		versions[version] = manifest
	}
	maps.Copy(tags, part(sent, "dist-tags"))
	r.metadata["versions"], r.metadata["dist-tags"] = versions, tags
}

// tags are the dist-tags.
func (r *fake) tags() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	tags, _ := r.metadata["dist-tags"].(map[string]any)
	return tags
}

// pack packs a checkout, and tells the hash. npm itself would take half a second.
func pack(t *testing.T, checkout string) (tarball, integrity string) {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	require.NoError(t, filepath.WalkDir(checkout, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(checkout, path)
		require.NoError(t, err)
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: "package/" + filepath.ToSlash(name), Mode: 0o755, Size: int64(len(data))}))
		_, err = archive.Write(data)
		return err
	}))
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())
	tarball = filepath.Join(t.TempDir(), "package.tgz")
	require.NoError(t, os.WriteFile(tarball, packed.Bytes(), 0o600))
	sum := sha512.Sum512(packed.Bytes())
	return tarball, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// publish puts a checkout in as its version 1.2.3.
func (r *fake) publish(t *testing.T, checkout string) {
	t.Helper()
	file, integrity := pack(t, checkout)
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	r.tarball, err = os.ReadFile(file)
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(checkout, "package.json"))
	require.NoError(t, err)
	version := map[string]any{}
	require.NoError(t, json.Unmarshal(data, &version))
	if bin, ok := version["bin"].(string); ok { // as npm publish does
		version["bin"] = map[string]string{"demo": bin}
	}
	version["dist"] = map[string]string{"integrity": integrity, "tarball": r.URL + "demo.tgz"}
	r.metadata = map[string]any{
		"name": "@team/demo", "versions": map[string]any{"1.2.3": version}, "dist-tags": map[string]any{"latest": "1.2.3"},
	}
}

func release(t *testing.T, command npmrelease.Command, o npmrelease.Options) (map[string]npmrelease.Result, error) {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = func(name string) string { return map[string]string{"NODE_AUTH_TOKEN": hush}[name] }
	}
	if o.Reach == nil {
		o.Reach = func() []string { return nil }
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
		Registry: newRegistry(t).URL, Without: []string{"lint", "npx"}, Progress: &progress,
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
		"another version": {files{"cli.js": "#!/usr/bin/env node\nconsole.log('v1.2.30')"}, "npx", `--version must print 1.2.3, got "v1.2.30"`},
		"no interpreter":  {files{"cli.js": "#!/usr/bin/env -S nobun run\n"}, "npx", "the package needs nobun, which is not on PATH here"},
		"it fails":        {files{"cli.js": "#!/usr/bin/env node\nthrow new Error('the reason')"}, "npx", "the reason"},
		"nothing to run":  {files{"package.json": `{"name": "@team/demo", "version": "1.2.3"}`}, "npx", "--without npx"},
		"a secret that a build puts in": {files{
			"package.json": `{"name": "demo", "version": "1.2.3", "files": ["lib"], "scripts": {"build": "node build.cjs"}}`,
			"build.cjs":    `const fs = require("fs"); fs.mkdirSync("lib"); fs.writeFileSync("lib/a.js", "npm_" + "x".repeat(36))`,
		}, "pack", "package/lib/a.js:1: error: secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := release(t, npmrelease.Check, npmrelease.Options{Path: demo(t, tt.changes), Registry: newRegistry(t).URL})
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, tt.step+": ")
			assert.NotContains(t, err.Error(), hush)
			assert.NotContains(t, err.Error(), token)
			assert.Equal(t, npmrelease.Failed, results[tt.step].Status)
			assert.Equal(t, npmrelease.NotRun, results["keep"].Status)
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

// The token may be where this was started from, too.
func TestCheckRefusesTokensInReach(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"NODE_AUTH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "GH_TOKEN"} {
		results, err := release(t, npmrelease.Check, npmrelease.Options{
			Path: demo(t, manifest(`"test": "exit 1"`)), Registry: newRegistry(t).URL, Reach: func() []string { return []string{"PATH=/bin", name + "=" + hush} },
		})
		require.ErrorContains(t, err, "reach: "+name+" must not be set here, nor where this was started from")
		assert.NotContains(t, err.Error(), hush)
		assert.Equal(t, npmrelease.NotRun, results["test"].Status)
	}
	_, err := release(t, npmrelease.Check, npmrelease.Options{
		Path: demo(t, nil), Registry: newRegistry(t).URL, Reach: func() []string { return []string{"NODE_AUTH_TOKEN="} },
	})
	require.NoError(t, err, "an empty one is none")
}

// hunt is a package whose test looks for a token in every process that it may read.
const hunt = `"test": "node hunt.cjs"`

var hunter = `const fs = require("fs");
for (const pid of fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
	try {
		if (fs.readFileSync("/proc/" + pid + "/environ", "utf8").includes("hunted-token")) fs.appendFileSync(process.env.HUNT, pid + "\n");
	} catch {}
}
fs.appendFileSync(process.env.HUNT, "looked\n");`

// TestNoTokenInProc starts itself below a shell that has the token. A script that looks
// for it is not run; where the token is not, it runs and finds none.
func TestNoTokenInProc(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("there is no /proc: ", err)
	}
	if checkout := os.Getenv("HUNT_CHECKOUT"); checkout != "" {
		_, err := npmrelease.Release(t.Context(), npmrelease.Check, npmrelease.Options{
			Path: checkout, Registry: os.Getenv("HUNT_REGISTRY"), Without: []string{"npx"},
		})
		if err != nil {
			fmt.Println("refused:", err)
		}
		return
	}
	for _, c := range []struct {
		name, line string
		runs       bool
	}{
		{"in an ancestor", `NODE_AUTH_TOKEN=hunted-token sh -c 'env -u NODE_AUTH_TOKEN "$0" -test.run TestNoTokenInProc -test.v; true' "$0"`, false},
		{"in itself", `ACTIONS_ID_TOKEN_REQUEST_TOKEN=hunted-token "$0" -test.run TestNoTokenInProc -test.v; true`, false},
		{"nowhere", `"$0" -test.run TestNoTokenInProc -test.v; true`, true},
	} {
		found := filepath.Join(t.TempDir(), "found")
		changes := manifest(hunt)
		changes["hunt.cjs"] = hunter
		cmd := exec.CommandContext(t.Context(), "sh", "-c", c.line, os.Args[0])
		cmd.Env = append(without(os.Environ()), "HUNT="+found, "HUNT_CHECKOUT="+demo(t, changes), "HUNT_REGISTRY="+newRegistry(t).URL)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		text, _ := os.ReadFile(found)
		if c.runs && strings.Contains(string(out), "nor where this was started from") {
			t.Skip("a token of somebody's is in the environment of these tests: the script is not run, as it must not be")
		}
		if c.runs {
			assert.Equal(t, "looked\n", string(text), "%s: %s", c.name, out)
		} else {
			assert.Empty(t, text, c.name)
			assert.Contains(t, string(out), "nor where this was started from", c.name)
		}
	}
}

// without are variables without tokens.
func without(variables []string) []string {
	return slices.DeleteFunc(variables, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.Contains(name, "TOKEN") || strings.HasPrefix(name, "AWS_")
	})
}

// What check tells is what publish takes, and nothing else.
func TestCheckKeepsTheTarball(t *testing.T) {
	t.Parallel()
	r, checkout, out := newRegistry(t), demo(t, nil), t.TempDir()
	results, err := release(t, npmrelease.Check, npmrelease.Options{Path: checkout, Out: out, Registry: r.URL})
	require.NoError(t, err)
	assert.Equal(t, "it says demo v1.2.3", results["npx"].Detail)
	hash, err := os.ReadFile(filepath.Join(out, npmrelease.IntegrityName))
	require.NoError(t, err)
	tarball := filepath.Join(out, npmrelease.TarballName)

	for want, o := range map[string]npmrelease.Options{
		"--integrity must be the hash that check told":          {Tarball: tarball},
		"its hash must be that of the tarball that was checked": {Tarball: tarball, Integrity: "sha512-b3RoZXI="},
		"reading what was checked":                              {Tarball: "missing", Integrity: string(hash)},
	} {
		o.Registry, o.NoProvenance = r.URL, true
		_, err := release(t, npmrelease.Publish, o)
		require.ErrorContains(t, err, want)
	}
	assert.Empty(t, r.tags())
	require.NoError(t, os.RemoveAll(checkout), "the checkout is not needed")
	results, err = release(t, npmrelease.Publish, npmrelease.Options{Tarball: tarball, Integrity: string(hash), Registry: r.URL, NoProvenance: true})
	require.NoError(t, err)
	assert.Equal(t, "@team/demo@1.2.3 to "+r.URL+" as latest", results["publish"].Detail)
	results, err = release(t, npmrelease.Verify, npmrelease.Options{Tarball: tarball, Integrity: string(hash), Registry: r.URL})
	require.NoError(t, err)
	assert.Equal(t, "the same integrity, dist-tag latest", results["view"].Detail)
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
			tarball, integrity := pack(t, demo(t, nil))
			results, err := release(t, npmrelease.Publish, npmrelease.Options{
				Tarball: tarball, Integrity: integrity, Registry: newRegistry(t).URL, Getenv: func(name string) string { return tt.actions[name] }, Bin: tools(t, "11.5.1", "v22.14.0"),
			})
			require.Error(t, err)
			if tt.want != "" {
				assert.Contains(t, results["provenance"].Detail, tt.want)
				assert.Equal(t, npmrelease.NotRun, results["new version"].Status)
				return
			}
			assert.Equal(t, "npm 11.5.1, node 22.14.0", results["npm"].Detail)
			assert.Equal(t, "from Team/demo", results["provenance"].Detail)
		})
	}
}

// tools is a folder with programs that only tell their version.
func tools(t *testing.T, npm, node string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs in place of npm and node are shell scripts")
	}
	dir := t.TempDir()
	for name, version := range map[string]string{"npm": npm, "node": node} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho "+version+"\n"), 0o700))
	}
	return dir
}

// What npm lacks is told before it is asked to do it.
func TestTrustedPublishing(t *testing.T) {
	t.Parallel()
	tarball, integrity := pack(t, demo(t, nil))
	for name, c := range map[string]struct{ npm, node, token, want string }{
		"npm 10":   {"10.9.4", "v24.1.0", "", "npm: trusted publishing needs npm 11.5.1 or newer, got 10.9.4: use Node.js 24"},
		"npm 11.5": {"11.5.0", "v24.1.0", "", "npm 11.5.1 or newer, got 11.5.0"},
		"node 20":  {"11.6.0", "v20.19.0", "", "trusted publishing needs node 22.14.0 or newer, got 20.19.0"},
		"strange":  {"none", "v24.1.0", "", `npm --version: "none" is no version`},
		"a token":  {"10.9.4", "v20.19.0", hush, "new version: npm view: reading its answer"}, // from the npm that only tells its version
		"new":      {"11.5.1", "v22.14.0", "", "new version: npm view: reading its answer"},
	} {
		_, err := release(t, npmrelease.Publish, npmrelease.Options{
			Tarball: tarball, Integrity: integrity, Registry: newRegistry(t).URL, NoProvenance: true, Bin: tools(t, c.npm, c.node),
			Getenv: func(name string) string {
				return map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example", "NODE_AUTH_TOKEN": c.token}[name]
			},
		})
		assert.ErrorContains(t, err, c.want, name)
	}
}

func TestPublishWithoutAccount(t *testing.T) {
	t.Parallel()
	tarball, integrity := pack(t, demo(t, nil))
	for token, want := range map[string]string{"": "NODE_AUTH_TOKEN must be set", "wrong": "npm whoami: exit status 1"} {
		_, err := release(t, npmrelease.Publish, npmrelease.Options{
			Tarball: tarball, Integrity: integrity, Registry: newRegistry(t).URL, NoProvenance: true, Getenv: func(string) string { return token },
		})
		assert.ErrorContains(t, err, "account: "+want)
	}
}

// npms are folders of the versions of npm that are tried: those that are pinned beside
// the registry, or else the one on PATH.
func npms(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"npm-10", "npm-11"} {
		cli, err := filepath.Abs(filepath.Join("registry", "node_modules", name, "bin", "npm-cli.js"))
		require.NoError(t, err)
		if _, err := os.Stat(cli); err != nil || runtime.GOOS == "windows" {
			t.Logf("%s is not tried: make npmrelease/registry/node_modules/.package-lock.json installs it: %v", name, err)
			continue
		}
		dir := t.TempDir()
		require.NoError(t, os.Symlink(cli, filepath.Join(dir, "npm")))
		found[name] = dir
	}
	if len(found) == 0 {
		found["npm on PATH"] = ""
	}
	return found
}

// Users who ask for no version never get a prerelease, nor a patch of an older line.
func TestDistTags(t *testing.T) {
	t.Parallel()
	for npm, bin := range npms(t) {
		t.Run(npm, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			for _, c := range []struct {
				version, tag, want string
				tags               map[string]any // afterwards
			}{
				{"2.0.0", "", "latest; of a first version", map[string]any{"latest": "2.0.0"}},
				{"2.1.0-beta.1", "", `beta; latest was "2.0.0"`, map[string]any{"latest": "2.0.0", "beta": "2.1.0-beta.1"}},
				{"1.9.1", "", `release-1.9; latest was "2.0.0"`, map[string]any{"latest": "2.0.0", "beta": "2.1.0-beta.1", "release-1.9": "1.9.1"}},
				{"1.9.2", "latest", "--tag latest: 1.9.2 must not become latest", map[string]any{"latest": "2.0.0", "beta": "2.1.0-beta.1", "release-1.9": "1.9.1"}},
			} {
				tarball, integrity := pack(t, demo(t, files{"package.json": `{"name": "@team/demo", "version": "` + c.version + `"}`}))
				results, err := release(t, npmrelease.Publish, npmrelease.Options{
					Tarball: tarball, Integrity: integrity, Registry: r.URL, NoProvenance: true, Bin: bin, Tag: c.tag,
				})
				assert.Equal(t, c.tag == "", err == nil, "%s: %v", c.version, err)
				assert.Contains(t, results["dist-tag"].Detail, c.want)
				assert.Equal(t, c.tags, r.tags(), c.version)
			}
		})
	}
}

// A registry that shows what it was given late is no failure, and has its own error.
func TestRegistryIsSlow(t *testing.T) {
	t.Parallel()
	checkout := demo(t, nil)
	tarball, integrity := pack(t, checkout)
	for name, c := range map[string]struct {
		hidden  int
		wait    time.Duration
		visible bool
		waited  time.Duration
	}{
		"at once":            {0, 10 * time.Minute, true, 0},
		"after four minutes": {7, 10 * time.Minute, true, 4*time.Minute + 15*time.Second},
		"too late":           {99, 30 * time.Second, false, 35 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			r.publish(t, checkout)
			r.hidden = c.hidden
			var waited time.Duration
			_, err := release(t, npmrelease.Verify, npmrelease.Options{
				Tarball: tarball, Integrity: integrity, Registry: r.URL, Wait: c.wait,
				Sleep: func(_ context.Context, d time.Duration) error { waited += d; return nil },
			})
			assert.Equal(t, c.waited, waited)
			if c.visible {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, npmrelease.ErrNotVisible)
			assert.ErrorContains(t, err, "if publish succeeded it is published, so do not publish again")
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*fake)
		want   string
	}{
		"right": {func(*fake) {}, ""},
		"something else": {func(r *fake) {
			r.version()["dist"] = map[string]string{"integrity": "sha512-b3RoZXI=", "tarball": r.URL}
		}, "something else was published"},
		"another dist-tag": {func(r *fake) { r.metadata["dist-tags"] = map[string]any{"next": "1.2.3"} }, ""},
		"no dist-tag":      {func(r *fake) { r.metadata["dist-tags"] = map[string]any{"latest": "1.2.2"} }, "a dist-tag must be 1.2.3"},
		"missing":          {func(r *fake) { r.metadata = nil }, "does not have @team/demo@1.2.3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkout, r := demo(t, nil), newRegistry(t)
			r.publish(t, checkout)
			r.mu.Lock()
			tt.change(r)
			r.mu.Unlock()
			tarball, integrity := pack(t, checkout)
			_, err := release(t, npmrelease.Verify, npmrelease.Options{Tarball: tarball, Integrity: integrity, Registry: r.URL})
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				assert.Equal(t, name == "missing", errors.Is(err, npmrelease.ErrNotVisible), "it is there, and wrong")
				return
			}
			require.NoError(t, err)
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
			r.metadata["dist-tags"] = map[string]any{"latest": tt.latest}
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
		"a prerelease must not become latest": {Version: "1.2.3", Use: "2.0.0-beta.1"},
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
