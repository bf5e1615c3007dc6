package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// Server is a built codeflow-server and the directory of the project's bundle.
type Server struct {
	Binary, Bundle string
	Manifest       manifest.Manifest
}

// Build compiles the server of the project at root, as the image has it, and
// packs the project's bundle, both into dir.
func Build(ctx context.Context, root, dir string) (*Server, error) {
	cfg, err := agentbundle.ReadConfig(filepath.Join(root, "agents", "bundle.yaml"))
	if err != nil {
		return nil, err
	}
	bundle, err := agentbundle.Load(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{filepath.Join(dir, "codeflow-server"), filepath.Join(dir, "bundle"), bundle.Manifest}
	if err := s.pack(bundle); err != nil {
		return nil, fmt.Errorf("packing the bundle: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", s.Binary, "./cmd/codeflow-server")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the server: %w\n%s", err, out)
	}
	return s, nil
}

// pack writes the bundle as it is in the image.
func (s *Server) pack(bundle *agentbundle.Bundle) error {
	data, err := bundle.Manifest.Encode()
	if err != nil {
		return err
	}
	write := func(path string, data []byte) error {
		path = filepath.Join(s.Bundle, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o600)
	}
	for path, data := range bundle.Files() {
		if err := write(path, data); err != nil {
			return err
		}
	}
	return write(manifest.FileName, data)
}

// Start serves the bundle on a loopback port. Without further flags it serves everybody.
func (s *Server) Start(ctx context.Context, flags ...string) (*Process, error) {
	if len(flags) == 0 {
		flags = []string{"-public"}
	}
	return Start(ctx, "/health", func(port string) *exec.Cmd {
		return exec.Command(s.Binary, append(flags, "-bundle", s.Bundle, "-port", port, "-metrics-port", "0", "-drain-notice", "0s")...)
	})
}
