package agentbundle

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// Bundle is a checked set of agents and commands, held in memory.
type Bundle struct {
	// Manifest lists the bundle's files and identifies it. Read only.
	Manifest manifest.Manifest

	cfg   Config
	files map[string][]byte // by path in the bundle, without the manifest
}

// Load reads and checks the agents and commands that cfg names. Its error
// joins a [Problem] for every error that [Check] reports; a file that cannot
// be fixed must be excluded with a reason.
//
// Files of UATS are packed byte for byte, but for one thing: in an agent's
// allowed_directories, anything at or below a home directory (/home/x,
// /Users/x, C:\Users\x, /root, ~, $HOME) becomes /bundle, the directory that
// the server serves. Files of other tools are packed in the form of [convert.From].
func Load(cfg Config) (*Bundle, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, err
	}
	if err := l.report.Err(); err != nil {
		return nil, err
	}
	return l.bundle(), nil
}

// Files returns the bundle's files by their path in the bundle, such as
// agents/code-reviewer.md. Read only.
func (b *Bundle) Files() map[string][]byte { return b.files }

// bundle gives every file its place, <kind>s/<name>.md, and lists them.
func (l *loader) bundle() *Bundle {
	b := &Bundle{Manifest: l.manifest, cfg: l.cfg, files: map[string][]byte{}}
	entries := func(k kind) []manifest.Entry {
		list := []manifest.Entry{}
		for _, name := range slices.Sorted(maps.Keys(l.winners[k])) {
			path := fmt.Sprintf("%ss/%s%s", k, name, markdown)
			data := l.winners[k][name].data
			b.files[path] = data
			list = append(list, manifest.Entry{Name: name, Path: path, SHA256: manifest.Sum(data)})
		}
		return list
	}
	m := &b.Manifest
	m.SchemaVersion = manifest.SchemaVersion
	m.Agents, m.Commands, m.Excluded = entries(agent), entries(command), l.report.Excluded
	m.Counts = manifest.Counts{Agents: len(m.Agents), Commands: len(m.Commands), Excluded: len(m.Excluded)}
	m.BundleDigest = m.Digest()
	return b
}
