package agentbundle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// serverPackage is the server's main package, relative to its module.
const serverPackage = "./cmd/codeflow-server"

// goSettings are what a build takes over from the machine: where modules come
// from and where caches are. None changes the binary but the toolchain, which
// is the machine's own only when go.mod names none.
var goSettings = []string{
	"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB",
	"GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOVCS",
}

var toolchainRE = regexp.MustCompile(`(?m)^toolchain[ \t]+(go\S+)`)

// compiler builds the server with settings that do not depend on the machine.
// A second build takes a link, about a third of a second, thanks to Go's
// cache.
type compiler struct {
	module string // directory of the Go module
}

// compile returns the static binary for a platform.
func (c compiler) compile(ctx context.Context, platform v1.Platform) ([]byte, error) {
	env, err := c.environ(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "codeflow-server-")
	if err != nil {
		return nil, fmt.Errorf("compiling the server: %w", err)
	}
	defer os.RemoveAll(dir)

	out := filepath.Join(dir, "server")
	env = append(
		env, "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture,
		"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOFLAGS=-mod=readonly", "GOWORK=off",
	)
	_, err = c.run(ctx, env, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, serverPackage)
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("compiling the server: %w", err)
	}
	return binary, nil
}

// environ returns the environment of the build: no Go setting of the user or
// the machine but [goSettings], and the toolchain that go.mod names exactly.
func (c compiler) environ(ctx context.Context) ([]string, error) {
	gomod, err := os.ReadFile(filepath.Join(c.module, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("compiling the server: config \"module\" must be a Go module: %w", err)
	}
	env := os.Environ()
	if m := toolchainRE.FindSubmatch(gomod); m != nil {
		env = append(env, "GOTOOLCHAIN="+string(m[1]))
	}
	out, err := c.run(ctx, env, append([]string{"env", "-json"}, goSettings...)...)
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("compiling the server: decoding go env: %w", err)
	}

	clean := []string{"GOENV=off"}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GO") {
			clean = append(clean, kv)
		}
	}
	for _, key := range goSettings {
		clean = append(clean, key+"="+settings[key])
	}
	return clean, nil
}

// run runs the go command in the module and returns its standard output.
func (c compiler) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("compiling the server: %w: install Go from https://go.dev/dl and put it on PATH", err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = c.module
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("compiling the server: go %s: %w\n%s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
