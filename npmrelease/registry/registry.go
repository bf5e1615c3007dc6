// Package registry is an npm registry on loopback, verdaccio, and what stands
// behind it in place of registry.npmjs.org: the packages of a node_modules folder.
//
// Start with [Start].
package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

// account is whom everybody on this machine may publish as.
const account = "rehearsal"

const readTimeout = 10 * time.Second

// ErrNotInstalled is the error where verdaccio is missing.
var ErrNotInstalled = errors.New("verdaccio is not installed: run `make npmrelease/registry/node_modules/.package-lock.json`")

// config has no web page, and asks the uplink for everything but the scope.
// https://verdaccio.org/docs/configuration
var config = template.Must(template.New("").Parse(`
storage: {{printf "%q" .Dir}}
auth: {htpasswd: {file: {{printf "%q" .Users}}}}
web: {enable: false}
uplinks: {mirror: {url: {{printf "%q" .Uplink}}}}
packages:
  {{printf "%q" .Scope}}: {access: $all, publish: $authenticated}
  '**': {access: $all, proxy: mirror}
log: {type: stdout, level: fatal}
`))

// Registry is one that runs.
type Registry struct {
	// URL is on loopback, Token that of its only account.
	URL, Token string

	process *process.Process
	uplink  *http.Server
}

// Start runs the verdaccio of installed, the folder with node_modules, and keeps
// what is published in dir. Packages are published under scope, such as
// "@agentic-codeflow/*"; all others come from the node_modules folder modules.
func Start(ctx context.Context, installed, dir, scope, modules string) (_ *Registry, err error) {
	verdaccio, err := filepath.Abs(filepath.Join(installed, "node_modules", "verdaccio", "bin", "verdaccio"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(verdaccio); err != nil {
		return nil, ErrNotInstalled
	}
	node, err := process.Node()
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Registry{uplink: &http.Server{Handler: Mirror(modules), ReadHeaderTimeout: readTimeout}}
	go func() { _ = r.uplink.Serve(listener) }()
	defer func() {
		if err != nil {
			r.Stop()
		}
	}()
	var text bytes.Buffer
	if err := config.Execute(&text, map[string]string{
		"Dir": dir, "Users": filepath.Join(dir, "htpasswd"), "Scope": scope, "Uplink": "http://" + listener.Addr().String(),
	}); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	r.process, err = process.Start(ctx, "/-/ping", func(port string) *exec.Cmd {
		return exec.Command(node, verdaccio, "--config", file, "--listen", net.JoinHostPort("127.0.0.1", port))
	})
	if err != nil {
		return nil, err
	}
	r.URL = "http://" + r.process.Address + "/"
	r.Token, err = r.signUp(ctx)
	return r, err
}

// signUp makes the account, as npm adduser does, and returns its token.
func (r *Registry) signUp(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]string{"name": account, "password": account})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, r.URL+"-/user/org.couchdb.user:"+account, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("verdaccio answered %s to a new account: %w", resp.Status, err)
	}
	return answer.Token, nil
}

// Stop ends it and waits.
func (r *Registry) Stop() {
	if r.process != nil {
		r.process.Stop()
	}
	_ = r.uplink.Close()
}
