// Command pins lists in pins.tsv what the project pins (kind, name, version and the
// day of the release, UTC) and prints which pins are older than a year. Run it from the
// project's root after a change of a pin:
//
//	go run ./internal/pins
//
// Days that the list has stay, so a wrong one can be mended by hand: a mirror of npm may
// know only when it took its copy. New ones come from the module proxy and from npm; an
// action's or an image's is "?", to be replaced by the day of its tag's commit.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const list = "internal/pins/pins.tsv"

// own is the project's module, which the sandbox's replaces by this tree.
const own = "github.com/ferg-cod3s/codeflow-infrastructure"

// sources are the patterns of pins, by the pattern of the files that have them.
var sources = []struct {
	kind, file string
	pin        *regexp.Regexp
}{
	{"go", "go.mod", regexp.MustCompile(`(?m)^\s*(?:require )?(\S+) (v\S+|go\d\S+)$`)}, // direct: others end in a comment
	{"tool", "Makefile", regexp.MustCompile(`([\w.-]+\.\w+/\S+)@(v\d\S+)`)},
	{"npm", "package.json", regexp.MustCompile(`(?m)^\s*"(\S+)": "(\d+\.\d+\.\S+)"`)},
	{"action", "*.yml", regexp.MustCompile(`uses: (\S+)@[0-9a-f]{40} # (v\S+)`)},
	{"image", "*.go", regexp.MustCompile(`"(\S+\.\S+/\S+)@(sha256:[0-9a-f]{64})"`)},
}

func main() {
	if err := run("."); err != nil {
		log.Fatal(err)
	}
}

func run(root string) error {
	pins, err := scan(root)
	if err != nil {
		return err
	}
	known, err := read(root)
	if err != nil {
		return err
	}
	days, text := map[string]string{}, ""
	for _, pin := range pins {
		if days[pin] = known[pin]; days[pin] == "" {
			if days[pin], err = released(pin); err != nil {
				return fmt.Errorf("asking for the day of %q: %w", pin, err)
			}
		}
		text += pin + "\t" + days[pin] + "\n"
	}
	fmt.Println(strings.Join(old(days), "\n"))
	return os.WriteFile(filepath.Join(root, list), []byte(text), 0o600)
}

// scan returns the pins in a project's files as the list has them, without the days.
func scan(root string) ([]string, error) {
	project, found := os.DirFS(root), map[string]bool{}
	err := fs.WalkDir(project, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != "." && (name[0] == '.' && name != ".github" || name == "node_modules" || name == "testdata") {
			return fs.SkipDir
		}
		for _, source := range sources {
			if fits, _ := path.Match(source.file, name); !fits || strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := fs.ReadFile(project, file)
			if err != nil {
				return err
			}
			for _, match := range source.pin.FindAllStringSubmatch(string(text), -1) {
				if match[1] != own {
					found[source.kind+"\t"+match[1]+"\t"+match[2]] = true
				}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(found)), err
}

// read returns the days (2026-01-02) in the list, by pin.
func read(root string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(root, list))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it is made anew
	}
	days := map[string]string{}
	for line := range strings.Lines(string(text)) {
		tab := max(0, strings.LastIndex(line, "\t"))
		days[line[:tab]] = strings.TrimSpace(line[tab:])
	}
	return days, err
}

// old tells which pins are older than a year, the oldest first. It counts back from the
// newest day, which moves with every upgrade: by the clock, a commit would say something
// else each day.
func old(days map[string]string) (lines []string) {
	var newest time.Time
	for _, day := range days {
		if at, err := time.Parse(time.DateOnly, day); err == nil && at.After(newest) {
			newest = at
		}
	}
	for pin, day := range days {
		if at, err := time.Parse(time.DateOnly, day); err != nil || at.Before(newest.AddDate(-1, 0, 0)) {
			lines = append(lines, day+"\t"+pin) // a day that nobody looked up yet is shown, too
		}
	}
	return slices.Sorted(slices.Values(lines))
}

// released asks for the day of a release.
func released(pin string) (string, error) {
	fields := strings.Split(pin, "\t")
	kind, name, version := fields[0], fields[1], fields[2]
	if kind == "action" || kind == "image" {
		return "?", nil
	}
	if name == "toolchain" {
		name, version = "golang.org/toolchain", "v0.0.1-"+version+".linux-amd64"
	}
	module, _, _ := strings.Cut(name, "/cmd/") // a tool is a package of its module
	command, key := []string{"go", "list", "-m", "-json", module + "@" + version}, "Time"
	if kind == "npm" {
		command, key = []string{"npm", "view", name, "time", "--json"}, version
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = os.TempDir(), os.Stderr // a go.mod here would have a say
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	var answer map[string]any
	err = json.Unmarshal(out, &answer)
	day, _ := answer[key].(string)
	day, _, _ = strings.Cut(day, "T")
	return day, err
}
