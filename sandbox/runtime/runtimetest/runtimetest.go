// Package runtimetest makes real images of a tiny static server, for tests of
// what runs images.
package runtimetest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// Port is the container port of the images.
const Port = 3000

// Patience bounds what a test waits for, in real time. It is far more than anything
// takes on a busy machine: only a hang is longer.
const Patience = 4 * time.Minute

// serverPackage is that of the server.
const serverPackage = "github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest/server"

// binary is the server, compiled once in a test process.
var binary = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "runtimetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "server"), serverPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the test server: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "server"))
})

// registryServer is one for all tests of a process, so that they upload the
// server once.
var registryServer = sync.OnceValue(func() *httptest.Server {
	return httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
})

// Endpoint is the URL of an image registry in this process.
func Endpoint() string { return registryServer().URL }

// Push pushes an image whose server has the environment, and returns its name as
// a task definition has it.
func Push(t testing.TB, environment ...string) string {
	t.Helper()
	image, err := build(environment)
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	ref, err := name.NewDigest(strings.TrimPrefix(Endpoint(), "http://") + "/codeflow@" + digest.String())
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, image))
	return "123456789012.dkr.ecr.eu-central-1.amazonaws.com/codeflow@" + digest.String()
}

// layer holds the server and a bundle, packed once in a test process.
var layer = sync.OnceValues(func() (v1.Layer, error) {
	server, err := binary()
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for path, content := range map[string][]byte{"server": server, "bundle/manifest.json": []byte("{}")} {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o555, Size: int64(len(content))}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	// Not compressed, since that takes the most time under the race detector.
	return static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer), nil
})

func build(environment []string) (v1.Image, error) {
	packed, err := layer()
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, packed)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, RootFS: rootFS(image),
		Config: v1.Config{User: "65532:65532", Entrypoint: []string{"/server"}, Env: append([]string{"PORT=1"}, environment...)},
	})
}

func rootFS(image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	if err != nil {
		panic(err) // the image is in memory.
	}
	return config.RootFS
}
