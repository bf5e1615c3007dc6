// Package catalog is a bundle of agents and commands in memory, ready to be
// served: parsed, in every format, searchable. It never changes once loaded.
//
// Start at [Load].
package catalog

import (
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// Base is the format of the bundle itself. The others are those of
// [convert.Formats] that [Formats] lists.
const Base = "base"

var formats = []string{Base, "claude-code", "opencode"}

// Formats returns the formats that an agent is served in, [Base] first.
func Formats() []string { return slices.Clone(formats) }

// Catalog is a loaded bundle. All of it is read only.
type Catalog struct {
	Manifest manifest.Manifest
	// Agents and Commands are sorted by name.
	Agents   []*Agent
	Commands []*Command

	agents, commands func() index
}

// Agent is one agent.
type Agent struct {
	Name        string   `json:"name"        yaml:"name"`
	Description string   `json:"description" yaml:"description"`
	Category    string   `json:"category"    yaml:"category"`
	Mode        string   `json:"mode"        yaml:"mode"`
	Model       string   `json:"model"       yaml:"model"`
	Tags        []string `json:"tags"        yaml:"tags"`
	// AllowedDirectories that the agent may touch; empty means none.
	AllowedDirectories []string `json:"allowedDirectories" yaml:"allowed_directories"`
	// Followups are the agents that this one escalates to.
	Followups []string `json:"followups" yaml:"intended_followups"`
	// Digest is that of the manifest's entry, hexadecimal sha256 of the base text.
	Digest string `json:"digest" yaml:"-"`
	// Body is the text below the front matter.
	Body string `json:"-" yaml:"-"`

	base      string
	converted map[string]func() (string, error) // by format
}

// Text returns the whole file of the agent in a format of [Formats], front
// matter included.
func (a *Agent) Text(format string) (string, error) {
	if format == Base {
		return a.base, nil
	}
	converted, ok := a.converted[format]
	if !ok {
		return "", fmt.Errorf("format must be one of %s, got %q", strings.Join(formats, ", "), format)
	}
	return converted()
}

// Command is one command: a prompt with inputs.
type Command struct {
	Name        string  `json:"name"        yaml:"name"`
	Description string  `json:"description" yaml:"description"`
	Inputs      []Input `json:"inputs"      yaml:"inputs"`
	Digest      string  `json:"digest"      yaml:"-"`
	// Text is the whole file, Body what stands below the front matter.
	Text string `json:"-" yaml:"-"`
	Body string `json:"-" yaml:"-"`
}

// Input is one declared input of a command.
type Input struct {
	Name        string `json:"name"        yaml:"name"`
	Type        string `json:"type"        yaml:"type"`
	Required    bool   `json:"required"    yaml:"required"`
	Description string `json:"description" yaml:"description"`
}

// Load reads a bundle and verifies every file against the manifest. The other
// formats and the index are made when they are first needed, since a server
// must answer soon after its start.
func Load(bundle fs.FS) (*Catalog, error) {
	m, files, err := manifest.Open(bundle)
	if err != nil {
		return nil, err
	}
	c := &Catalog{Manifest: *m}
	if c.Agents, err = loadAll(files, "agent", m.Agents, loadAgent); err != nil {
		return nil, err
	}
	if c.Commands, err = loadAll(files, "command", m.Commands, loadCommand); err != nil {
		return nil, err
	}
	slices.SortFunc(c.Agents, func(a, b *Agent) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(c.Commands, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	c.agents = sync.OnceValue(func() index { return indexOf(c.Agents, (*Agent).document) })
	c.commands = sync.OnceValue(func() index { return indexOf(c.Commands, (*Command).document) })
	return c, nil
}

// Agent returns the agent of a name, or nil.
func (c *Catalog) Agent(name string) *Agent {
	i, ok := slices.BinarySearchFunc(c.Agents, name, func(a *Agent, name string) int { return strings.Compare(a.Name, name) })
	if !ok {
		return nil
	}
	return c.Agents[i]
}

// Command returns the command of a name, or nil.
func (c *Catalog) Command(name string) *Command {
	i, ok := slices.BinarySearchFunc(c.Commands, name, func(k *Command, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil
	}
	return c.Commands[i]
}

// MaxPage is how many agents a list has at most: about 60 KB of them.
const MaxPage = 100

// Page returns the agents of a list that follow a name, at most limit of them, and
// the name that the next page follows, "" after the last one. A list is sorted by
// name, and the name need not be in it: so pages of two bundles fit together.
func Page(agents []*Agent, after string, limit int) (page []*Agent, next string) {
	i, found := slices.BinarySearchFunc(agents, after, func(a *Agent, name string) int { return strings.Compare(a.Name, name) })
	if found {
		i++
	}
	page = agents[i:]
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Name
	}
	return page, next
}

// loadAll loads every entry of a kind, as many at once as there are processors.
func loadAll[T any](
	files map[string][]byte, kind string, entries []manifest.Entry, load func(manifest.Entry, []byte) (T, error),
) ([]T, error) {
	loaded := make([]T, len(entries))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, entry := range entries {
		group.Go(func() (err error) {
			if loaded[i], err = load(entry, files[entry.Path]); err != nil {
				return fmt.Errorf("loading %s %q: %w", kind, entry.Name, err)
			}
			return nil
		})
	}
	return loaded, group.Wait()
}

func loadAgent(entry manifest.Entry, data []byte) (_ *Agent, err error) {
	a := &Agent{base: string(data), converted: map[string]func() (string, error){}}
	if a.Body, err = decode(data, a.base, a); err != nil {
		return nil, err
	}
	a.Name, a.Digest = entry.Name, entry.SHA256
	for _, list := range []*[]string{&a.Tags, &a.AllowedDirectories, &a.Followups} {
		*list = append([]string{}, *list...) // in JSON a list is never null
	}
	for _, format := range formats[1:] {
		a.converted[format] = sync.OnceValues(func() (text string, err error) {
			files, err := convert.To(format, map[string][]byte{entry.Path: []byte(a.base)})
			for _, converted := range files {
				text = string(converted)
			}
			return text, err
		})
	}
	return a, nil
}

func loadCommand(entry manifest.Entry, data []byte) (_ *Command, err error) {
	k := &Command{Text: string(data)}
	if k.Body, err = decode(data, k.Text, k); err != nil {
		return nil, err
	}
	k.Name, k.Digest = entry.Name, entry.SHA256
	k.Inputs = append([]Input{}, k.Inputs...)
	return k, nil
}

// decode reads the front matter of a file into v and returns the rest. Data and
// text are the same: what is returned is a part of text, and no copy.
func decode(data []byte, text string, v any) (body string, err error) {
	front, rest, err := frontmatter.Parse(data)
	if err != nil {
		return "", err
	}
	if err := front.Decode(v); err != nil {
		return "", fmt.Errorf("reading front matter: %w", err)
	}
	return strings.TrimSpace(text[len(text)-len(rest):]), nil
}
