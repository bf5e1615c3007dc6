package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestPinsAreListed tells which pins are older than a year: go test -v shows it.
func TestPinsAreListed(t *testing.T) {
	t.Parallel()
	pins, err := scan(root)
	require.NoError(t, err)
	days, err := read(root)
	require.NoError(t, err)
	for _, pin := range pins {
		assert.NotEmptyf(t, days[pin], "the list lacks %q: go run ./internal/pins", pin)
	}
	kinds := map[string]bool{}
	for pin, day := range days {
		assert.Truef(t, slices.Contains(pins, pin), "nothing pins %q: go run ./internal/pins", pin)
		assert.Regexp(t, `^\d{4}-\d\d-\d\d$`, day, pin)
		kind, _, _ := strings.Cut(pin, "\t")
		kinds[kind] = true
	}
	assert.Len(t, kinds, len(sources), "each pattern finds something")
	for _, line := range old(days) {
		t.Log("older than a year:", line)
	}
}

func TestOld(t *testing.T) {
	t.Parallel()
	assert.Empty(t, old(nil))
	assert.Equal(t, []string{"2024-05-01\tb", "2025-02-28\ta"},
		old(map[string]string{"a": "2025-02-28", "b": "2024-05-01", "c": "2025-03-01", "d": "2026-03-01"}))
	assert.Equal(t, []string{"2024-05-01\tb", "?\tnew"}, old(map[string]string{"b": "2024-05-01", "d": "2026-03-01", "new": "?"}), "what nobody looked up yet")
}

// TestModulesAreCompiledOnce keeps what both go.mod files have, Go itself too, at one
// version in both: the packages of two would be compiled twice.
func TestModulesAreCompiledOnce(t *testing.T) {
	t.Parallel()
	program, sandbox := versions(t, root+"/go.mod"), versions(t, root+"/sandbox/go.mod")
	maps.DeleteFunc(program, func(module, _ string) bool { return sandbox[module] == "" })
	maps.DeleteFunc(sandbox, func(module, _ string) bool { return program[module] == "" })
	assert.Equal(t, program, sandbox)
	assert.Greater(t, len(program), 100)
}

// versions are those of a go.mod, of indirect requirements too.
func versions(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	found := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^\s*(?:require )?(\S+) ((?:v|go)?\d\S*)`).FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}
	return found
}
