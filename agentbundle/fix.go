package agentbundle

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// Fix corrects the sources' files where there is one right correction: an
// ending that is not .md, a byte order mark, and a value of the front matter that
// needs quotes. It returns a line for each, and changes nothing below
// node_modules, which npm would bring back.
func Fix(cfg Config) (fixed []string, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l, err := read(cfg)
	if err != nil {
		return nil, err
	}
	for i, p := range l.report.Problems {
		if slices.Contains(strings.Split(filepath.ToSlash(p.Path), "/"), "node_modules") {
			continue
		}
		same := func(q Problem) bool { return q.Path == p.Path && q.Rule != ruleEnding }
		switch {
		case p.Rule == ruleEnding:
			base, _, _ := strings.Cut(filepath.Base(p.Path), ".")
			to := filepath.Join(filepath.Dir(p.Path), base+markdown)
			if _, err := os.Lstat(to); err == nil {
				continue // two files, one name: that is for people
			}
			if err := os.Rename(p.Path, to); err != nil {
				return fixed, fmt.Errorf("fixing %q: %w", p.Path, err)
			}
			fixed = append(fixed, fmt.Sprintf("%s: renamed to %s", p.Path, path.Base(to)))
		case slices.Contains([]string{ruleText, ruleComment, ruleYAML}, p.Rule) && !slices.ContainsFunc(l.report.Problems[:i], same):
			done, err := fixFile(p.Path)
			if err != nil {
				return fixed, err
			}
			fixed = append(fixed, done...)
		}
	}
	return fixed, nil
}

// fixFile corrects one file's text.
func fixFile(name string) (fixed []string, err error) {
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("fixing %q: %w", name, err)
	}
	text := bytes.TrimPrefix(data, byteOrderMark)
	if len(text) < len(data) {
		fixed = append(fixed, name+": removed the byte order mark")
	}
	text, keys := quote(text)
	for _, key := range keys {
		fixed = append(fixed, fmt.Sprintf("%s: quoted %s", name, key))
	}
	if fixed == nil {
		return nil, nil
	}
	info, err := os.Stat(name)
	if err == nil {
		err = os.WriteFile(filepath.Clean(name), text, info.Mode().Perm())
	}
	if err != nil {
		return nil, fmt.Errorf("fixing %q: %w", name, err)
	}
	return fixed, nil
}

// quote puts quotes around the values of front matter that are no YAML without,
// or that a # cuts, and returns their keys.
func quote(data []byte) (text []byte, keys []string) {
	header, rest, ok := frontmatter.Split(data)
	if !ok {
		return data, nil
	}
	first, content, _ := bytes.Cut(header, []byte("\n"))
	fm, problems := parseFrontMatter(data)
	cut := map[int]bool{}
	for _, p := range checkComments(fm) {
		cut[p.Line] = true
	}
	if problems == nil && len(cut) == 0 {
		return data, nil
	}
	out := append(bytes.Clone(first), '\n')
	all := chunks(string(content))
	if len(all) > 0 { // comments before the first key
		out = append(out, strings.Join(strings.SplitAfter(string(content), "\n")[:all[0].line-2], "")...)
	}
	for i, c := range all {
		end := len(strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")) + 2
		if i+1 < len(all) {
			end = all[i+1].line
		}
		lines := c.lines[:min(len(c.lines), end-c.line)]
		value := c.value()
		switch whole := strings.Join(lines, "\n"); {
		case cut[c.line] && len(lines) == 1:
			value = &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(whole)}
		case value.Line == c.line && value.Style == 0 && value.Kind == yaml.ScalarNode && value.Column == 0 && value.Value != "":
			value.Value = strings.ReplaceAll(value.Value, `\n`, "\n")
		default:
			out = fmt.Appendf(out, "%s:", c.key)
			if whole != "" && !strings.HasPrefix(whole, "\n") {
				out = append(out, ' ')
			}
			out = append(append(out, whole...), '\n')
			continue
		}
		keys = append(keys, c.key)
		out = fmt.Appendf(out, "%s: %s\n", c.key, doubleQuoted(value.Value))
	}
	return append(out, rest...), keys
}

// doubleQuoted returns a text as a YAML string on one line.
func doubleQuoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text) + `"`
}
