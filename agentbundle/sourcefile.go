package agentbundle

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"
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

// checkText refuses what an editor would hide.
func checkText(data []byte) *Problem {
	refuse := func(at int, what, hint string) *Problem {
		return &Problem{Line: lineAt(data, at), Rule: ruleText, Message: "must be UTF-8 text without " + what, Hint: hint}
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return refuse(0, "a byte order mark", "save the file without it")
	}
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return refuse(at, "NUL bytes", "remove them")
	}
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return refuse(at, fmt.Sprintf("other bytes, got 0x%x", data[at]), "convert the file")
		}
		at += size
	}
	return nil
}
