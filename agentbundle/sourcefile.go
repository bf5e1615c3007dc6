package agentbundle

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

const (
	// maxFile bounds one agent or command; the largest real one has 25 KiB.
	maxFile = 1 << 20

	// maxBundle bounds all of them together; the real ones have 0.5 MiB.
	maxBundle = 64 << 20
)

const (
	ruleRead    = "read"
	ruleSymlink = "symlink"
	ruleRegular = "regular-file"
	ruleSize    = "size"
	ruleChanged = "changed"
	ruleText    = "text"
	ruleHidden  = "hidden-character"
	ruleComment = "comment"
)

// readFile returns the content of a regular text file of bounded size. The
// problem, if any, has no path yet.
func readFile(root *os.Root, path string) ([]byte, *Problem) {
	info, err := root.Lstat(path)
	if err != nil {
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	}
	if p := checkInfo(info); p != nil {
		return nil, p
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	}
	defer f.Close()
	data, p := readStable(f, info)
	if p == nil {
		p = checkText(data)
	}
	return data, p
}

func checkInfo(info fs.FileInfo) *Problem {
	switch {
	case info.Mode().Type() == fs.ModeSymlink:
		return &Problem{Rule: ruleSymlink, Message: "must not be a symbolic link", Hint: "copy the file"}
	case !info.Mode().IsRegular():
		return &Problem{Rule: ruleRegular, Message: fmt.Sprintf("must be a regular file, got mode %s", info.Mode())}
	case info.Size() > maxFile:
		return &Problem{Rule: ruleSize, Message: fmt.Sprintf("must have at most %d bytes, got %d", maxFile, info.Size()), Hint: "shorten the file"}
	}
	return nil
}

// readStable reads f, which was described by info before it was opened, and
// notices when it is another file or changes meanwhile.
func readStable(f *os.File, info fs.FileInfo) ([]byte, *Problem) {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	}
	after, err := f.Stat()
	if err != nil {
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	}
	if !os.SameFile(info, after) || !after.ModTime().Equal(info.ModTime()) || int64(len(data)) != info.Size() {
		return nil, &Problem{Rule: ruleChanged, Message: "must not change while it is read", Hint: "run the command again"}
	}
	return data, nil
}

// checkText refuses what is no UTF-8.
func checkText(data []byte) *Problem {
	refuse := func(at int, what, hint string) *Problem {
		return &Problem{Line: lineAt(data, at), Rule: ruleText, Message: "must be UTF-8 text without " + what, Hint: hint}
	}
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return refuse(at, "NUL bytes", "remove them")
	}
	if utf8.Valid(data) {
		return nil
	}
	for at := 0; ; {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return refuse(at, fmt.Sprintf("other bytes, got 0x%x", data[at]), "convert the file")
		}
		at += size
	}
}

// maxHidden bounds the hidden characters of one file that are told.
const maxHidden = 10

// checkHidden refuses the characters that a reader does not see and a model
// reads, in the text and in what the escapes of its YAML stand for.
func checkHidden(data []byte, fm mapping) []Problem {
	var problems []Problem
	refuse := func(line int, code, where string) {
		if len(problems) < maxHidden {
			problems = append(problems, Problem{
				Line: line, Rule: ruleHidden, Message: fmt.Sprintf("must not have characters that nobody sees, got %s%s", code, where), Hint: "remove it",
			})
		}
	}
	text := string(data)
	lines := 1
	at := 0
	for _, f := range hidden.Find(text) {
		lines += strings.Count(text[at:f.Offset], "\n")
		at = f.Offset
		refuse(lines, f.String(), "")
	}
	if problems == nil {
		scalars(fm.Node, func(n *yaml.Node) {
			for _, f := range hidden.Find(n.Value) {
				refuse(n.Line, f.String(), " as an escape of YAML")
			}
		})
	}
	return problems
}

// scalars calls visit for every key and value below n.
func scalars(n *yaml.Node, visit func(*yaml.Node)) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	for _, child := range n.Content {
		scalars(child, visit)
	}
}

// checkComments warns of a # that ends a text where its author may have gone on.
func checkComments(fm mapping) []Problem {
	if fm.Node == nil {
		return nil
	}
	var problems []Problem
	for i := 0; i+1 < len(fm.Content); i += 2 {
		key, n := fm.Content[i], fm.Content[i+1]
		if n.Style != 0 || str(n) == "" || n.LineComment == "" {
			continue
		}
		if strings.ContainsAny(n.Value, " \t") || !strings.HasPrefix(n.LineComment, "# ") {
			problems = append(problems, Problem{
				Line: n.Line, Severity: SeverityWarning, Rule: ruleComment,
				Message: fmt.Sprintf("a # starts a comment: %s ends before %.60q", key.Value, n.LineComment), Hint: "quote the value",
			})
		}
	}
	return problems
}
