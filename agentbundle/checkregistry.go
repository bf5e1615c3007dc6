package agentbundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

const (
	ruleRegistry = "registry"

	// registryFile is the list of agents that a published package brings.
	registryFile = "AGENT_MANIFEST.json"
)

// registry is the part of [registryFile] that can be checked.
type registry struct {
	Agents []struct {
		Name    string `json:"name"`
		Sources struct {
			Base string `json:"base"`
		} `json:"sources"`
	} `json:"canonical_agents"`
}

// checkRegistry checks that the source's registry, if it has one, and its
// agents agree. Found holds every file of the source, left out or not.
func (l *loader) checkRegistry(root *os.Root, source string, found map[string]*file) {
	if _, err := root.Lstat(registryFile); errors.Is(err, fs.ErrNotExist) {
		return
	}
	at := &file{source: Source{Path: source}, path: registryFile}
	data, problem := readFile(root, registryFile)
	if problem != nil {
		l.add(at, *problem)
		return
	}
	var r registry
	if err := json.Unmarshal(data, &r); err != nil {
		l.add(at, Problem{Rule: ruleRegistry, Message: err.Error(), Hint: "reinstall the package"})
		return
	}
	listed := map[string]bool{}
	for _, a := range r.Agents {
		listed[a.Name], listed[a.Sources.Base] = true, true
		f, ok := found[a.Sources.Base]
		p := Problem{
			Line: lineAt(data, max(0, bytes.Index(data, []byte(strconv.Quote(a.Sources.Base))))), Rule: ruleRegistry,
			Message: fmt.Sprintf("agent %q must have its file, %q is none", a.Name, a.Sources.Base),
			Hint:    "reinstall the package",
		}
		if ok && f.name != "" && kebab(f.name) != kebab(a.Name) {
			p.Message = fmt.Sprintf("agent %q must be what %q holds, got %q", a.Name, a.Sources.Base, f.name)
		} else if ok {
			continue
		}
		l.add(at, p)
	}
	for _, f := range l.files {
		if f.source.Path == source && f.format == convert.UATS && f.kind == agent && f.name != "" && !listed[f.name] && !listed[f.path] {
			l.add(f, Problem{
				Line: f.fm.line("name"), Rule: ruleRegistry,
				Message: fmt.Sprintf("agent %q must be listed in %s", f.name, registryFile), Hint: "reinstall the package, or exclude the file",
			})
		}
	}
}
