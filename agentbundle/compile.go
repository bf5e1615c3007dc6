package agentbundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
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

// buildFlags leave out of the binary what differs from machine to machine.
var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}

// compiler builds the server with settings that do not depend on the machine.
type compiler struct {
	module  string // directory of the Go module, absolute
	version string // of the toolchain: the one that go.mod names, or Go's own
}

func newCompiler(ctx context.Context, module string) (compiler, error) {
	module, err := filepath.Abs(module)
	if err != nil {
		return compiler{}, fmt.Errorf("compiling the server: %w", err)
	}
	gomod, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		return compiler{}, fmt.Errorf("compiling the server: config \"module\" must be a Go module: %w", err)
	}
	c := compiler{module: module}
	if m := toolchainRE.FindSubmatch(gomod); m != nil {
		c.version = string(m[1])
		return c, nil
	}
	settings, err := c.settings(ctx)
	c.version = settings["GOVERSION"]
	return c, err
}

// settings returns the machine's [goSettings] and the version of its Go.
func (c compiler) settings(ctx context.Context) (map[string]string, error) {
	env := os.Environ()
	if c.version != "" {
		env = append(env, "GOTOOLCHAIN="+c.version)
	}
	out, err := c.run(ctx, env, append([]string{"env", "-json", "GOVERSION"}, goSettings...)...)
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("compiling the server: decoding go env: %w", err)
	}
	return settings, nil
}

// environ returns the environment of a build: no Go setting of the user or
// the machine but the given ones. With less garbage collected (GOGC) the compiler
// takes a fifth less time.
func (c compiler) environ(settings map[string]string, platform v1.Platform) []string {
	env := []string{
		"GOENV=off", "GOGC=800", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOFIPS140=off", "CGO_ENABLED=0",
		"GOOS=" + platform.OS, "GOARCH=" + platform.Architecture, "GOAMD64=v1",
	}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GO") && !strings.HasPrefix(kv, "CGO") {
			env = append(env, kv)
		}
	}
	for _, key := range goSettings {
		env = append(env, key+"="+settings[key])
	}
	return env
}

// compile returns the static binary for a platform.
func (c compiler) compile(ctx context.Context, platform v1.Platform) ([]byte, error) {
	settings, err := c.settings(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "codeflow-server-")
	if err != nil {
		return nil, fmt.Errorf("compiling the server: %w", err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "server")
	args := slices.Concat([]string{"build"}, buildFlags, []string{"-o", out, serverPackage})
	if _, err := c.run(ctx, c.environ(settings, platform), args...); err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("compiling the server: %w", err)
	}
	return binary, nil
}

// packages returns the directories of the module's packages that the server is
// built from, and of modules that are replaced by a directory. Only Go knows
// them, and asking it takes longer than the rest of a rebuild.
func (c compiler) packages(ctx context.Context, platform v1.Platform) ([]string, error) {
	settings, err := c.settings(ctx)
	if err != nil {
		return nil, err
	}
	const format = "{{with .Module}}{{if or .Main (and .Replace (not .Replace.Version))}}{{$.Dir}}{{end}}{{end}}"
	args := slices.Concat([]string{"list", "-deps", "-f", format}, buildFlags, []string{serverPackage})
	out, err := c.run(ctx, c.environ(settings, platform), args...)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// key identifies all that the layer of the server is made from: the toolchain,
// the compressor, the settings, what is in the packages, and the module files,
// which fix the rest. While it stays, so does the list of packages: to add one,
// a file in another must import it.
func (c compiler) key(platform v1.Platform, packages []string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, c.version, compressor(), platform, buildFlags)
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(c.module, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // without dependencies there is no go.sum
			return "", fmt.Errorf("reading the server's sources: %w", err)
		}
		fmt.Fprintln(h, file, manifest.Sum(data))
	}
	for _, dir := range packages {
		files := os.DirFS(dir)
		err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if info, err := fs.Stat(files, path); err != nil || !info.Mode().IsRegular() {
				return nil // such as the locks of editors, which Go passes over too
			}
			data, err := fs.ReadFile(files, path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(c.module, filepath.Join(dir, path))
			fmt.Fprintf(h, "%q %s\n", rel, manifest.Sum(data))
			return err
		})
		if err != nil {
			return "", fmt.Errorf("reading the server's sources: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// compressor returns the version of the module that compresses layers.
func compressor() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/klauspost/compress" {
			return m.Version
		}
	}
	return ""
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
