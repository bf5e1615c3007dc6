package npmrelease

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// manifest is what a release needs of package.json.
// https://docs.npmjs.com/cli/configuring-npm/package-json
type manifest struct {
	Name            string            `json:"name"`
	Version         string            `json:"version"`
	Private         bool              `json:"private"`
	Scripts         map[string]string `json:"scripts"`
	DevDependencies map[string]string `json:"devDependencies"`
	Bin             oneOrMany         `json:"bin"`
	Repository      oneOrMany         `json:"repository"`
}

// oneOrMany is a string, which stands for itself, or an object of strings.
type oneOrMany map[string]string

func (m *oneOrMany) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*m = oneOrMany{"url": ""}
		var s string
		err := json.Unmarshal(data, &s)
		(*m)["url"] = s
		return err
	}
	return json.Unmarshal(data, (*map[string]string)(m))
}

// version is https://semver.org without build metadata, which npm drops.
var version = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func readManifest(dir string) (m manifest, err error) {
	file := filepath.Join(dir, "package.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return m, fmt.Errorf("reading the checkout: %w: --path must be the folder of the package", err)
	}
	return parseManifest(file, data)
}

func parseManifest(file string, data []byte) (m manifest, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case m.Name == "":
		err = fmt.Errorf("%s: name must be set", file)
	case !version.MatchString(m.Version):
		err = fmt.Errorf("%s: version must be like 1.2.3, got %q", file, m.Version)
	case m.Private:
		err = fmt.Errorf("%s: private must not be true: npm publishes no such package", file)
	}
	return m, err
}

// readPackage is a step.
func (r *release) readPackage(context.Context) (string, error) {
	if r.Version != "" && r.Version != r.pkg.Version {
		return "", fmt.Errorf("package.json: version must be %s, got %s: run `npm version %[1]s`", r.Version, r.pkg.Version)
	}
	detail := r.pkg.Name + "@" + r.pkg.Version
	if r.Tarball != "" {
		return detail + ", " + r.integrity, nil
	}
	if needs := r.pkg.needs(r.Path); len(needs) > 0 {
		detail += ", which needs " + strings.Join(needs, " and ") + " where it is installed"
	}
	return detail, nil
}

// needs returns the programs, other than node and npm, that start the package's
// commands and install scripts.
func (m manifest) needs(dir string) []string {
	var programs []string
	for _, file := range m.Bin {
		data, _ := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		line, _, _ := bytes.Cut(data, []byte("\n"))
		if interpreter, ok := strings.CutPrefix(string(line), "#!"); ok {
			words := strings.Fields(strings.NewReplacer("/usr/bin/env", "", " -S ", " ").Replace(interpreter))
			programs = append(programs, append(words, "node")[0])
		}
	}
	for _, script := range []string{"preinstall", "install", "postinstall"} {
		programs = append(programs, append(strings.Fields(m.Scripts[script]), "node")[0])
	}
	for i := range programs {
		programs[i] = path.Base(programs[i])
	}
	slices.Sort(programs)
	return slices.DeleteFunc(slices.Compact(programs), func(name string) bool { return name == "node" || name == "npm" })
}

// command is what npx runs: the bin of the package's own name, or the first.
// https://docs.npmjs.com/cli/commands/npx
func (m manifest) command() string {
	own := m.Name[strings.LastIndex(m.Name, "/")+1:]
	if _, ok := m.Bin["url"]; ok || m.Bin[own] != "" { // a string is of the package's name
		return own
	}
	return slices.Sorted(maps.Keys(m.Bin))[0]
}

// scope returns "@scope", or nothing.
func (m manifest) scope() string {
	scope, _, found := strings.Cut(m.Name, "/")
	if !found {
		return ""
	}
	return scope
}
