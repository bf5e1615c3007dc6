package pulumi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

func TestWithTraffic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after string
		weights       ops.Weights
	}{
		"one line": {
			"config:\n  codeflow:kind: platform # kept\n  # who gets it\n  codeflow:traffic: {blue: 90, green: 10} # by ops\n",
			"config:\n  codeflow:kind: platform # kept\n  # who gets it\n  codeflow:traffic: {blue: 0, green: 100} # by ops\n",
			ops.Weights{"green": 100, "blue": 0},
		},
		"one line, quoted colours": {
			"config:\n  codeflow:traffic: {\"blue\": 90, 'a}b': 10}\nencryptionsalt: v1\n",
			"config:\n  codeflow:traffic: {blue: 100}\nencryptionsalt: v1\n",
			ops.Weights{"blue": 100},
		},
		"absent": {
			"config:\n  codeflow:kind: platform\n  # codeflow:traffic: {blue: 90, green: 10}\n",
			"config:\n  codeflow:kind: platform\n  # codeflow:traffic: {blue: 90, green: 10}\n  codeflow:traffic: {blue: 100}\n",
			ops.Weights{"blue": 100},
		},
		"absent, not the end, no line break": {
			"config:\n  codeflow:kind: platform\nencryptionsalt: v1",
			"config:\n  codeflow:kind: platform\n  codeflow:traffic: {blue: 100}\nencryptionsalt: v1",
			ops.Weights{"blue": 100},
		},
		"empty":  {"config:\n  codeflow:traffic:\n  a: b\n", "config:\n  codeflow:traffic: {blue: 1}\n  a: b\n", ops.Weights{"blue": 1}},
		"null":   {"config:\n  codeflow:traffic: ~ # none\n", "config:\n  codeflow:traffic: {blue: 1} # none\n", ops.Weights{"blue": 1}},
		"braces": {"config:\n  codeflow:traffic: {}\n", "config:\n  codeflow:traffic: {blue: 1}\n", ops.Weights{"blue": 1}},
		"block": {
			"config:\n  codeflow:traffic:\n    blue: 90 # old\n    # new\n    green: 10\n  a: b\n",
			"config:\n  codeflow:traffic:\n    blue: 0 # old\n    # new\n    green: 100\n  a: b\n",
			ops.Weights{"blue": 0, "green": 100},
		},
		"block, one goes": {
			"config:\n  codeflow:traffic:\n    blue: 90\n    green: 10\n  a: b\n",
			"config:\n  codeflow:traffic:\n    blue: 100\n  a: b\n",
			ops.Weights{"blue": 100},
		},
		"block, one comes": {
			"config:\n  codeflow:traffic:\n    blue: 90",
			"config:\n  codeflow:traffic:\n    blue: 50\n    green: 50\n",
			ops.Weights{"blue": 50, "green": 50},
		},
		"the project's own": {read(t, "../../Pulumi.prod.yaml"), read(t, "../../Pulumi.prod.yaml") + "  codeflow:traffic: {blue: 100}\n", ops.Weights{"blue": 100}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stackFile(c.before).withTraffic(c.weights)
			require.NoError(t, err)
			assert.Equal(t, c.after, string(got))
		})
	}
}

// What cannot be edited safely is left alone, with the line to write.
func TestWithTrafficRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an alias":  "other: &w {blue: 1}\nconfig:\n  codeflow:traffic: *w\n",
		"no config": "encryptionsalt: v1\n",
		"one line":  "config: {codeflow:kind: platform}\n",
		"no YAML":   "config: [",
	} {
		_, err := stackFile(text).withTraffic(ops.Weights{"blue": 100})
		require.Error(t, err, name)
	}
	_, err := stackFile("a: b").withTraffic(ops.Weights{"blue": 100})
	require.ErrorContains(t, err, "write it as one line, for example codeflow:traffic: {blue: 100}")
	_, err = stackFile("config:\n  codeflow:traffic: blue\n").traffic()
	require.ErrorContains(t, err, "must be an object of weights")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// Whatever the file, an edit that is not refused changes the weights, and keeps
// every other line with its comment.
func TestWithTrafficKeepsTheRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		colors := []string{"blue", "green", "red"}
		draw := func(label string, least int) ops.Weights {
			w := ops.Weights{}
			for _, color := range rapid.SliceOfNDistinct(rapid.SampledFrom(colors), least, 3, rapid.ID).Draw(t, label) {
				w[color] = rapid.IntRange(0, 255).Draw(t, "weight")
			}
			return w
		}
		before, after := draw("before", 0), draw("after", 1)
		comment := rapid.SampledFrom([]string{"", " # why", "  #"})
		lines := []string{"# head", "config:" + comment.Draw(t, "c"), "  codeflow:kind: platform" + comment.Draw(t, "c")}
		others := len(lines)
		switch style := rapid.SampledFrom([]string{"flow", "block", "none"}).Draw(t, "style"); {
		case style == "flow":
			lines = append(lines, "  codeflow:traffic: "+flow(before)+comment.Draw(t, "c"))
		case style == "block" && len(before) > 0:
			lines = append(lines, "  codeflow:traffic:"+comment.Draw(t, "c"))
			for color, weight := range before {
				lines = append(lines, fmt.Sprintf("      %s: %d%s", color, weight, comment.Draw(t, "c")))
			}
		}
		tail := []string{"  codeflow:platform:", "    domain: {name: a.example.com} # {", "encryptionsalt: v1:x="}
		text := strings.Join(append(append([]string{}, lines...), tail[:rapid.IntRange(0, 3).Draw(t, "tail")]...), "\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end")
		got, err := stackFile(text).withTraffic(after)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		weights, err := got.traffic()
		if err != nil || weights.String() != after.String() {
			t.Fatalf("got %s instead of %s: %v\n%s", weights, after, err, got)
		}
		for _, line := range append(lines[:others:others], tail...) {
			if strings.Contains(text, line) && !strings.Contains(string(got), line) {
				t.Fatalf("lost %q\n%s", line, got)
			}
		}
		var document yaml.Node
		if err := yaml.Unmarshal(got, &document); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSetTrafficComparesFirst(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
	require.NoError(t, os.WriteFile(file, []byte("config:\n  codeflow:traffic: {blue: 100}\n"), 0o640))
	s := New(Options{Platform: "prod", File: file})
	blue, both := ops.Weights{"blue": 100}, ops.Weights{"blue": 90, "green": 10}
	require.NoError(t, s.SetTraffic(t.Context(), blue, both))
	require.ErrorIs(t, s.SetTraffic(t.Context(), blue, both), ops.ErrTrafficChanged)
	got, err := s.Traffic(t.Context())
	require.NoError(t, err)
	assert.Equal(t, both, got)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, left, 1)
}
