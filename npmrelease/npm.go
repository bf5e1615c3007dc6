package npmrelease

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tokenVariable holds the account's token; npm reads it, we do not write it down.
const tokenVariable = "NODE_AUTH_TOKEN"

// kept are the variables that the package's own code never sees.
var kept = []string{
	tokenVariable, "NPM_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

const (
	stopTimeout = 10 * time.Second
	maxOutput   = 4 << 10 // bytes of a failed program's output in an error
)

// release is a command as it runs.
type release struct {
	Options
	pkg manifest
	// dir is temporary: npm's config, an empty folder to work in, the tarball.
	dir string
	// files are those that would be published and those in src/.
	files []string
	// tarball is the packed file and integrity its hash, as npm has it.
	tarball, integrity string
}

func newRelease(o Options) (*release, error) {
	r := &release{Options: o}
	r.Access = cmp.Or(r.Access, "public")
	if r.Getenv == nil {
		r.Getenv = os.Getenv
	}
	if r.Progress == nil {
		r.Progress = io.Discard
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	if r.Reach == nil {
		r.Reach = inReach
	}
	var err error
	if r.Bin != "" { // programs start in other folders
		if r.Bin, err = filepath.Abs(r.Bin); err != nil {
			return nil, err
		}
	}
	if r.Tarball != "" {
		r.tarball, r.pkg, err = openTarball(r.Tarball, r.Integrity)
		r.integrity = r.Integrity
	} else {
		r.pkg, err = readManifest(r.Path)
	}
	if err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "npmrelease-"); err != nil {
		return nil, err
	}
	return r, errors.Join(os.Mkdir(r.empty(), 0o755), r.writeConfigs())
}

func (r *release) empty() string { return filepath.Join(r.dir, "empty") }

// writeConfigs writes npm's config twice, with and without the account. npm puts
// the token in: https://docs.npmjs.com/using-private-packages-in-a-ci-cd-workflow
func (r *release) writeConfigs() error {
	config := "registry=" + r.Registry + "\n"
	if scope := r.pkg.scope(); scope != "" {
		config += scope + ":registry=" + r.Registry + "\n"
	}
	u, err := url.Parse(r.Registry)
	if err != nil {
		return err
	}
	account := fmt.Sprintf("//%s%s/:_authToken=${%s}\n", u.Host, strings.TrimSuffix(u.Path, "/"), tokenVariable)
	return errors.Join(
		os.WriteFile(filepath.Join(r.dir, "anonymous.npmrc"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(r.dir, "account.npmrc"), []byte(config+account), 0o600),
	)
}

// program is what is run, and where.
type program struct {
	dir     string
	account bool // it gets the token
	env     []string
	name    string
	args    []string
}

// npm runs npm in an empty folder, where no other config counts, with the account.
func (r *release) npm(ctx context.Context, args ...string) ([]byte, error) {
	return r.exec(ctx, program{dir: r.empty(), account: true, name: "npm", args: args})
}

// exec runs a program and returns what it printed. Its error has the end of that.
func (r *release) exec(ctx context.Context, p program) ([]byte, error) {
	path, err := r.lookPath(p.name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	cmd.Dir, cmd.Env = p.dir, environment(append(r.variables(p.account), p.env...))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		output := r.scrub(strings.TrimSpace(stdout.String() + stderr.String()))
		output = output[max(len(output)-maxOutput, 0):]
		return stdout.Bytes(), fmt.Errorf("%s %s: %w\n%s", p.name, strings.Join(p.args, " "), err, output)
	}
	return stdout.Bytes(), nil
}

// scrub takes the secrets out of a text.
func (r *release) scrub(text string) string {
	for _, name := range kept {
		if secret := r.Getenv(name); secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// variables are what npm and the scripts get on top.
func (r *release) variables(account bool) []string {
	config := "anonymous.npmrc"
	var set []string
	if account {
		for _, name := range []string{tokenVariable, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"} {
			set = append(set, name+"="+r.Getenv(name))
		}
		if r.Getenv(tokenVariable) != "" {
			config = "account.npmrc"
		}
	}
	if r.Bin != "" {
		set = append(set, "PATH="+r.Bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	return append(set,
		"npm_config_userconfig="+filepath.Join(r.dir, config), "npm_config_registry="+r.Registry,
		"npm_config_update_notifier=false", "npm_config_logs_max=0")
}

// environment is this process's without secrets, and what is set. npm takes its
// config from names in any case: actions/setup-node sets NPM_CONFIG_USERCONFIG.
func environment(set []string) []string {
	gone := slices.Clone(kept)
	for _, variable := range set {
		name, _, _ := strings.Cut(variable, "=")
		gone = append(gone, name)
	}
	inherited := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(gone, func(other string) bool { return strings.EqualFold(name, other) })
	})
	return append(inherited, set...)
}

// lookPath finds a program as those do that are run here.
func (r *release) lookPath(name string) (string, error) {
	if r.Bin != "" {
		if path, err := exec.LookPath(filepath.Join(r.Bin, name)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// runScript runs a script of package.json, with bun where there is one. It does
// not get the account.
func (r *release) runScript(ctx context.Context, script string) (string, error) {
	manager := "bun"
	if _, err := r.lookPath(manager); err != nil {
		manager = "npm"
	}
	_, err := r.exec(ctx, program{dir: r.Path, name: manager, args: []string{"run", script}})
	if _, missing := os.Stat(filepath.Join(r.Path, "node_modules")); err != nil && missing != nil && len(r.pkg.DevDependencies) > 0 {
		err = fmt.Errorf("%w\nthe checkout has no node_modules: run `%s install` in %s first", err, manager, r.Path)
	}
	return manager + " run " + script, err
}

// published is what a registry knows of a version.
// https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
type published struct {
	Version    string            `json:"version"`
	Deprecated string            `json:"deprecated"`
	Tags       map[string]string `json:"dist-tags"` // of the package
	Dist       struct {
		Integrity string `json:"integrity"`
	} `json:"dist"`
}

// missing is true when npm view says that the registry has no such package or version.
func missing(out []byte) bool {
	var answer struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	return json.Unmarshal(out, &answer) == nil && answer.Error.Code == "E404"
}

// view returns nil for a version that the registry does not have.
func (r *release) view(ctx context.Context, version string) (*published, error) {
	out, err := r.npm(ctx, "view", r.pkg.Name+"@"+version, "--json")
	if err != nil {
		if missing(out) {
			return nil, nil
		}
		return nil, err
	}
	if len(bytes.TrimSpace(out)) == 0 { // npm before 10 for a version that is missing
		return nil, nil
	}
	p := new(published)
	if err := json.Unmarshal(out, p); err != nil {
		return nil, fmt.Errorf("npm view: reading its answer: %w", err)
	}
	return p, nil
}
