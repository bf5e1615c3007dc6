// go test -run '^$' -bench . ./cmd/agentbundle
//
// The benchmarks run the command as a process on the project's own bundle, as
// people do. What cannot differ from machine to machine fails when its goal is
// missed; times are printed.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/require"

	bundles "github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

const maxPeak = 100 // MB

const dockerfile = `FROM scratch
ARG TARGETARCH
COPY ${TARGETARCH}/codeflow-server /codeflow-server
COPY bundle /bundle
USER 65532:65532
ENV PORT=3000
EXPOSE 3000
WORKDIR /
ENTRYPOINT ["/codeflow-server"]
`

// project is the command, compiled, and a copy of the project's bundle config
// with an overlay of one agent to edit.
type project struct{ binary, config, agent string }

func newProject(b *testing.B) project {
	b.Helper()
	installed, err := filepath.Abs("../../agents")
	require.NoError(b, err)
	cfg, err := bundles.ReadConfig(filepath.Join(installed, "bundle.yaml"))
	require.NoError(b, err)
	agent := filepath.Join(cfg.Package.Path, "codeflow-agents", "development", "code-reviewer.md")
	data, err := os.ReadFile(agent)
	if err != nil {
		b.Skip("the real package is not installed: run `npm ci --ignore-scripts --prefix agents`")
	}
	dir := b.TempDir()
	p := project{filepath.Join(dir, "agentbundle"), filepath.Join(dir, "bundle.yaml"), filepath.Join(dir, "own", "agents", "code-reviewer.md")}
	process(b, "go", "build", "-o", p.binary, ".")
	require.NoError(b, os.MkdirAll(filepath.Dir(p.agent), 0o755))
	require.NoError(b, os.WriteFile(p.agent, data, 0o600))
	config, err := os.ReadFile(filepath.Join(installed, "bundle.yaml"))
	require.NoError(b, err)
	text := strings.NewReplacer("package: ", "package: "+installed+"/", "overlays: []", "overlays: [own]").Replace(string(config))
	require.NoError(b, os.WriteFile(p.config, []byte(text), 0o600))
	return p
}

// edit changes a line of the agent.
func (p project) edit(b *testing.B, i int) {
	b.Helper()
	data, err := os.ReadFile(p.agent)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(p.agent, fmt.Appendf(data, "Edit %d.\n", i), 0o600))
}

func (p project) args(output string) []string {
	return []string{"build", p.config, "--module=../..", "--output=" + output}
}

// build returns how long a build takes.
func (p project) build(b *testing.B, output string) time.Duration {
	b.Helper()
	start := time.Now()
	process(b, p.binary, p.args(output)...)
	return time.Since(start)
}

func process(b *testing.B, name string, args ...string) {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput()
	require.NoError(b, err, "%s", out)
}

// peak returns the largest resident set of a build in MB, as Linux last said.
// What wait reports is no less than the benchmark's own.
func (p project) peak(b *testing.B, output string) float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), p.binary, p.args(output)...)
	require.NoError(b, cmd.Start())
	var kib float64
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		_, value, alive := strings.Cut(string(status), "VmHWM:")
		if err != nil || !alive {
			break
		}
		_, err = fmt.Sscan(value, &kib)
		require.NoError(b, err)
	}
	require.NoError(b, cmd.Wait())
	return kib / 1024
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkBuild compares the full build, with the server compiled already,
// with buildah's: both write an OCI layout.
func BenchmarkBuild(b *testing.B) {
	p := newProject(b)
	dist := filepath.Join(b.TempDir(), "dist")
	p.build(b, dist)
	var ours []time.Duration
	for b.Loop() {
		ours = append(ours, p.build(b, dist))
	}
	peak := p.peak(b, dist)
	b.ReportMetric(milliseconds(median(ours)), "ms/build")
	b.ReportMetric(peak, "MB-peak")
	b.ReportMetric(0, "ns/op")
	if peak > maxPeak {
		b.Errorf("peak memory must be at most %d MB, got %.0f", maxPeak, peak)
	}

	if _, err := exec.LookPath("buildah"); err != nil {
		b.Logf("not compared: %v: install Debian's buildah", err)
		return
	}
	theirs := buildah(b, dist)
	b.ReportMetric(milliseconds(theirs), "ms/buildah")
	b.ReportMetric(float64(theirs)/float64(median(ours)), "x-faster")
}

// buildah returns how long buildah takes for the image in a layout.
func buildah(b *testing.B, dist string) time.Duration {
	b.Helper()
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600))
	index, err := openLayout(dist)
	require.NoError(b, err)
	m, err := index.IndexManifest()
	require.NoError(b, err)
	for _, desc := range m.Manifests {
		img, err := index.Image(desc.Digest)
		require.NoError(b, err)
		root := filepath.Join(dir, desc.Platform.Architecture)
		require.NoError(b, os.Mkdir(root, 0o755))
		tar := exec.CommandContext(b.Context(), "tar", "-x", "-C", root)
		tar.Stdin = mutate.Extract(img)
		require.NoError(b, tar.Run())
	}
	require.NoError(b, os.Rename(filepath.Join(dir, "amd64", "bundle"), filepath.Join(dir, "bundle")))

	store := []string{"--storage-driver=vfs", "--root=" + filepath.Join(dir, "root"), "--runroot=" + filepath.Join(dir, "run")}
	var times []time.Duration
	for i := range 5 {
		name := fmt.Sprintf("image%d", i)
		start := time.Now()
		process(b, "buildah", append(store, "bud", "--isolation=chroot", "--platform=linux/amd64", "--manifest="+name,
			"--ignorefile="+os.DevNull, "--file="+filepath.Join(dir, "Dockerfile"), dir)...)
		process(b, "buildah", append(store, "manifest", "push", "--all", name, "oci:"+filepath.Join(dir, name))...)
		times = append(times, time.Since(start))
	}
	return median(times)
}

// BenchmarkRebuild builds after an edit of one agent.
func BenchmarkRebuild(b *testing.B) {
	p := newProject(b)
	before, after := filepath.Join(b.TempDir(), "before"), filepath.Join(b.TempDir(), "after")
	p.build(b, before)
	var times []time.Duration
	for b.Loop() {
		p.edit(b, len(times))
		times = append(times, p.build(b, after))
	}
	b.ReportMetric(milliseconds(median(times)), "ms/rebuild")
	b.ReportMetric(milliseconds(slices.Max(times)), "ms-slowest")
	b.ReportMetric(0, "ns/op")

	known, fresh := layers(b, before), 0
	for digest := range layers(b, after) {
		if !known[digest] {
			fresh++
		}
	}
	b.ReportMetric(float64(fresh), "new-layers")
	if fresh != 1 {
		b.Errorf("an edited agent must give one new layer, got %d", fresh)
	}
}

// layers returns the digests of all layers of the images in a layout.
func layers(b *testing.B, dist string) map[string]bool {
	b.Helper()
	_, err := layout.FromPath(dist)
	require.NoError(b, err)
	index, err := openLayout(dist)
	require.NoError(b, err)
	m, err := index.IndexManifest()
	require.NoError(b, err)
	digests := map[string]bool{}
	for _, desc := range m.Manifests {
		img, err := index.Image(desc.Digest)
		require.NoError(b, err)
		m, err := img.Manifest()
		require.NoError(b, err)
		for _, l := range m.Layers {
			digests[l.Digest.String()] = true
		}
	}
	return digests
}

// BenchmarkPush pushes after an edit of one agent, to a registry on loopback.
func BenchmarkPush(b *testing.B) {
	p := newProject(b)
	var mu sync.Mutex
	var blobs []int64
	forward := newRegistry()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			mu.Lock()
			blobs = append(blobs, r.ContentLength)
			mu.Unlock()
		}
		forward.ServeHTTP(w, r)
	}))
	b.Cleanup(srv.Close)
	repo := strings.TrimPrefix(srv.URL, "http://") + "/codeflow"
	push := func() {
		var stderr bytes.Buffer
		code := run(b.Context(), []string{"push", repo, p.config, "--module=../.."}, io.Discard, &stderr)
		require.Equal(b, exitOK, code, "%s", &stderr)
	}
	push()
	n := 0
	for b.Loop() {
		blobs = nil
		p.edit(b, n)
		push()
		n++
	}
	var large, total float64
	for _, size := range blobs {
		total += float64(size)
		if size > 1024 {
			large++
		}
	}
	b.ReportMetric(large, "blobs>1KiB")
	b.ReportMetric(total/1024, "KiB-blobs")
	if large > 1 || total > 300<<10 {
		b.Errorf("the push must send at most one blob over 1 KiB and 300 KiB, got %v bytes", blobs)
	}
}

// BenchmarkScaling builds bundles of more agents than there are.
func BenchmarkScaling(b *testing.B) {
	p := newProject(b)
	data, err := os.ReadFile("../../agentbundle/testdata/package/codeflow-agents/operations/release-manager.md")
	require.NoError(b, err)
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("agents=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			require.NoError(b, os.Mkdir(filepath.Join(dir, "agents"), 0o755))
			for i := range n {
				text := strings.NewReplacer("release-manager", fmt.Sprintf("agent-%04d", i), "code-reviewer", "agent-0000").Replace(string(data))
				for line := range 200 { // 10 KiB, as the real ones
					text += fmt.Sprintf("Rule %d of agent %d: %x\n", line, i, line*i*7919)
				}
				require.NoError(b, os.WriteFile(filepath.Join(dir, "agents", fmt.Sprintf("agent-%04d.md", i)), []byte(text), 0o600))
			}
			p.config = dir
			dist := filepath.Join(b.TempDir(), "dist")
			p.build(b, dist)
			var times []time.Duration
			for b.Loop() {
				times = append(times, p.build(b, dist))
			}
			peak := p.peak(b, dist)
			b.ReportMetric(milliseconds(median(times))/float64(n), "ms/agent")
			b.ReportMetric(peak, "MB-peak")
			b.ReportMetric(0, "ns/op")
		})
	}
}
