package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// workflow is one of .github/workflows, as far as it is looked at here.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
type workflow struct {
	File        string            `yaml:"-"`
	On          map[string]event  `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency group             `yaml:"concurrency"`
	Env         map[string]string `yaml:"env"`
	Jobs        jobs              `yaml:"jobs"`
}

// event is what starts a workflow, with its filters; a schedule has none.
type event struct {
	Branches    []string `yaml:"branches"`
	Paths       []string `yaml:"paths"`
	PathsIgnore []string `yaml:"paths-ignore"`
}

func (e *event) UnmarshalYAML(node *yaml.Node) error {
	type plain event
	if node.Kind != yaml.MappingNode {
		return nil
	}
	return node.Decode((*plain)(e))
}

// accepts reports whether a push of a file alone starts it.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
func (e event) accepts(file string) bool {
	accepted := len(e.Paths) == 0
	for _, pattern := range e.Paths {
		if excluded, ok := strings.CutPrefix(pattern, "!"); ok {
			accepted = accepted && !matches(excluded, file)
		} else {
			accepted = accepted || matches(pattern, file)
		}
	}
	for _, pattern := range e.PathsIgnore {
		accepted = accepted && !matches(pattern, file)
	}
	return accepted
}

// matches is true where a filter's pattern fits a file: a * is within a folder, ** is not.
func matches(pattern, file string) bool {
	re := regexp.QuoteMeta(pattern)
	for _, wild := range [][2]string{{`\*\*/`, `(?:.+/)?`}, {`\*\*`, `.*`}, {`\*`, `[^/]*`}} {
		re = strings.ReplaceAll(re, wild[0], wild[1])
	}
	return regexp.MustCompile("^(?:" + re + ")$").MatchString(file)
}

// group of what does not run together: its name, or an object with it.
type group string

func (g *group) UnmarshalYAML(node *yaml.Node) error {
	var object struct {
		Group string `yaml:"group"`
	}
	if node.Kind == yaml.ScalarNode {
		object.Group = node.Value
	} else if err := node.Decode(&object); err != nil {
		return err
	}
	*g = group(object.Group)
	return nil
}

// jobs are in the order of the file, in which each comes after those that it needs.
type jobs []job

type job struct {
	ID          string            `yaml:"-"`
	If          string            `yaml:"if"`
	Permissions map[string]string `yaml:"permissions"`
	Environment string            `yaml:"environment"`
	Concurrency group             `yaml:"concurrency"`
	Timeout     int               `yaml:"timeout-minutes"`
	Strategy    struct {
		Matrix map[string]yaml.Node `yaml:"matrix"`
	} `yaml:"strategy"`
	Env     map[string]string `yaml:"env"`
	Outputs map[string]string `yaml:"outputs"`
	Uses    string            `yaml:"uses"`
	With    map[string]string `yaml:"with"`
	Steps   []step            `yaml:"steps"`
}

type step struct {
	ID   string            `yaml:"id"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	Run  string            `yaml:"run"`
	Env  map[string]string `yaml:"env"`
	With map[string]string `yaml:"with"`
}

func (j *jobs) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i += 2 {
		next := job{ID: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&next); err != nil {
			return err
		}
		*j = append(*j, next)
	}
	return nil
}

// load reads every workflow of a project, by name without ".yml".
func load(root string) (map[string]*workflow, error) {
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no workflows in %q: %w", root, err)
	}
	all := map[string]*workflow{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		w := &workflow{File: file}
		if err := yaml.Unmarshal(text, w); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yml")] = w
	}
	return all, nil
}

// values are what expressions stand for, by their text.
type values map[string]string

var expression = regexp.MustCompile(`\$\{\{\s*(.+?)\s*\}\}`)

// fill replaces the expressions in a text.
func (v values) fill(text string) (filled string, err error) {
	filled = expression.ReplaceAllStringFunc(text, func(match string) string {
		value, ok := v.value(expression.FindStringSubmatch(match)[1])
		if !ok {
			err = fmt.Errorf("the rehearsal has no value for %s", match)
		}
		return value
	})
	return filled, err
}

// value is that of a name, or of a name || 'default'.
func (v values) value(text string) (string, bool) {
	if value, ok := v[text]; ok {
		return value, true
	}
	name, alternative, ok := strings.Cut(text, " || ")
	if !ok {
		return "", false
	}
	if value := v[name]; value != "" {
		return value, true
	}
	return strings.Trim(alternative, "'"), true
}
