package agentbundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	ruleIgnore = "ignore"

	// ignoreFile names, in the root of a source, files that are none of its
	// agents and commands: drafts, notes. It has the syntax of .gitignore,
	// without [[:classes:]], and applies to its own source only.
	ignoreFile = ".agentbundleignore"
)

// ignore is a list of patterns. The last one that matches decides.
type ignore []pattern

type pattern struct {
	re      *regexp.Regexp
	negated bool // takes a file in again
	dir     bool // matches directories only
}

// readIgnore returns the patterns of a source, none if it has no file.
func readIgnore(root *os.Root, report func(Problem)) ignore {
	if _, err := root.Lstat(ignoreFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	data, problem := readFile(root, ignoreFile)
	if problem != nil {
		problem.Path = ignoreFile
		report(*problem)
		return nil
	}
	patterns, problems := parseIgnore(string(data))
	for _, p := range problems {
		p.Path = ignoreFile
		report(p)
	}
	return patterns
}

func parseIgnore(text string) (ignore, []Problem) {
	var patterns ignore
	var problems []Problem
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		p, err := parsePattern(line)
		if err != nil {
			problems = append(problems, Problem{
				Line: i + 1, Rule: ruleIgnore, Message: fmt.Sprintf("must be a pattern of .gitignore, got %q", line), Hint: err.Error(),
			})
			continue
		}
		patterns = append(patterns, p)
	}
	return patterns, problems
}

func parsePattern(line string) (pattern, error) {
	var p pattern
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.dir = strings.CutSuffix(line, "/")
	// Without a slash at the start or in the middle it matches at any depth.
	prefix := "^(?:.*/)?"
	if strings.Contains(line, "/") {
		line, prefix = strings.TrimPrefix(line, "/"), "^"
	}
	body, err := translate(line)
	if err != nil {
		return p, err
	}
	p.re, err = regexp.Compile("(?s)" + prefix + body + "$")
	return p, err
}

// translate returns a regular expression for the segments of a pattern.
func translate(glob string) (string, error) {
	var b strings.Builder
	segments := strings.Split(glob, "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "**" && last:
			b.WriteString(".+")
		case segment == "**":
			b.WriteString("(?:.*/)?")
		default:
			re, err := translateSegment(segment)
			if err != nil {
				return "", err
			}
			b.WriteString(re)
			if !last {
				b.WriteString("/")
			}
		}
	}
	return b.String(), nil
}

var (
	// globRE splits a segment: wildcards, classes, escaped characters, text,
	// and what is left, which is not valid.
	globRE = regexp.MustCompile(`(?s)\*+|\?|\[(?:[!^](?:\\.|[^\\])|\\.|[^!^\\])(?:\\.|[^\]\\])*\]|\\.|[^*?\[\\]+|.`)

	// classRE splits the inside of a class, except for the "-" of ranges.
	classRE = regexp.MustCompile(`(?s)\\.|[^-]`)
)

func translateSegment(glob string) (string, error) {
	var err error
	re := globRE.ReplaceAllStringFunc(glob, func(token string) string {
		switch {
		case token == "[" || token == `\` || strings.Contains(token, "[:"):
			err = fmt.Errorf("%s stands for itself as \\%s", token, token)
			return ""
		case token[0] == '*':
			return "[^/]*"
		case token == "?":
			return "[^/]"
		case token[0] == '\\':
			return regexp.QuoteMeta(token[1:])
		case token[0] == '[':
			return translateClass(token[1 : len(token)-1])
		}
		return regexp.QuoteMeta(token)
	})
	return re, err
}

func translateClass(class string) string {
	open := "["
	if class[0] == '!' || class[0] == '^' {
		open, class = "[^/", class[1:]
	}
	return open + classRE.ReplaceAllStringFunc(class, func(s string) string {
		r, _ := utf8.DecodeLastRuneInString(s)
		return fmt.Sprintf(`\x{%x}`, r)
	}) + "]"
}

// match says whether the patterns leave out a slash-separated path.
func (ig ignore) match(path string, dir bool) bool {
	out := false
	for _, p := range ig {
		if (dir || !p.dir) && p.re.MatchString(path) {
			out = !p.negated
		}
	}
	return out
}
