package agentbundle

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const ruleDirectories = "allowed-directories"

// servedDir is where the server's bundle is in the image.
var servedDir = "/" + strings.TrimSuffix(bundleDir, "/")

// personalRE matches a directory of one person's machine: anything at or below
// a home directory of Linux, macOS or Windows, written out, as ~ or as $HOME.
var personalRE = regexp.MustCompile(`^(?:/(?:home|Users)/|/root(?:/|$)|~|\$HOME\b|\$\{HOME\}|[A-Za-z]:[\\/]Users[\\/])`)

// rewriteDirectories returns the agent with every personal directory in its
// allowed_directories replaced by [servedDir]: nobody's paths leave in an
// image, where they would name nothing. Every other byte stays.
func rewriteDirectories(data []byte, fm mapping) ([]byte, []Problem) {
	directories := fm.get("allowed_directories")
	if directories == nil || !texts.has(directories) {
		return data, nil
	}
	var problems []Problem
	for _, n := range slices.Backward(directories.Content) {
		if !personalRE.MatchString(n.Value) {
			continue
		}
		start := offset(data, n)
		if start < 0 {
			problems = append(problems, Problem{
				Line: n.Line, Rule: ruleDirectories, Message: fmt.Sprintf("personal directory must be plain text to be replaced, got %s", shown(n)),
				Hint: "write " + servedDir,
			})
			continue
		}
		data = slices.Concat(data[:start], []byte(servedDir), data[start+len(n.Value):])
	}
	return data, problems
}

// offset returns where the value of a scalar starts in data, or -1 when data
// does not spell it as it is.
func offset(data []byte, n *yaml.Node) int {
	at := 0
	for range n.Line - 1 {
		at += bytes.IndexByte(data[at:], '\n') + 1
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(data[at:])
		at += size
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		at++
	}
	if !bytes.HasPrefix(data[at:], []byte(n.Value)) {
		return -1
	}
	return at
}
