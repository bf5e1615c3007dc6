// Package diff says what a new bundle changes.
package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

// Result is what differs between two bundles. Files are named by their path
// in the bundle, such as agents/<name>.md, and sorted.
type Result struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []Change `json:"changed"`
}

// Change is a file that both bundles have with different content.
type Change struct {
	Path string `json:"path"`
	// Fields are the changed values of the front matter, sorted by key.
	Fields []Field `json:"fields"`
	// Diff is the unified diff of the text.
	Diff string `json:"diff"`
}

// Compare returns what differs between the files of two bundles, given by
// their path in the bundle.
func Compare(before, after map[string][]byte) Result {
	r := Result{Added: []string{}, Removed: []string{}, Changed: []Change{}} // JSON shows lists, not null
	for _, path := range keys(before, after) {
		was, had := before[path]
		is, has := after[path]
		switch {
		case !had:
			r.Added = append(r.Added, path)
		case !has:
			r.Removed = append(r.Removed, path)
		case !bytes.Equal(was, is):
			r.Changed = append(r.Changed, Change{
				Path:   path,
				Fields: compareFields(was, is),
				Diff:   string(diff.Diff("a/"+path, was, "b/"+path, is)),
			})
		}
	}
	return r
}

// keys returns the keys of both maps, sorted.
func keys[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

// Empty reports whether nothing differs.
func (r Result) Empty() bool { return len(r.Added)+len(r.Removed)+len(r.Changed) == 0 }

// WriteText writes the result for people: a summary, then the diffs. Characters
// that nobody would see are shown as U+202E.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d added, %d removed, %d changed\n", len(r.Added), len(r.Removed), len(r.Changed))
	for _, path := range r.Added {
		fmt.Fprintf(&b, "+ %s\n", path)
	}
	for _, path := range r.Removed {
		fmt.Fprintf(&b, "- %s\n", path)
	}
	for _, c := range r.Changed {
		fmt.Fprintf(&b, "~ %s\n", c.Path)
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "    %s: %s -> %s\n", f.Key, shown(f.Old), shown(f.New))
		}
	}
	for _, c := range r.Changed {
		fmt.Fprintf(&b, "\n%s", c.Diff)
	}
	_, err := io.WriteString(w, hidden.Show(b.String()))
	return err
}

func shown(value json.RawMessage) string {
	if value == nil {
		return "(none)"
	}
	return string(value)
}
