package npmrelease

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// inReach are the variables that a script can read: those of this process, and on Linux
// those that its ancestors were started with.
// https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html
func inReach() []string {
	variables := os.Environ()
	for pid := os.Getppid(); pid > 0; pid = parent(pid) {
		text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ")) // or nobody's to read
		variables = append(variables, strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")...)
	}
	return variables
}

// parent of a process, or 0.
func parent(pid int) int {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "PPid:"); ok {
			parent, _ := strconv.Atoi(strings.TrimSpace(value))
			return parent
		}
	}
	return 0
}

// noSecrets is a step before the package's code runs: taking variables away from a
// script does not keep it from reading where they came from.
func (r *release) noSecrets(context.Context) (string, error) {
	var found []string
	for _, variable := range r.Reach() {
		if name, value, _ := strings.Cut(variable, "="); value != "" && slices.Contains(kept, name) {
			found = append(found, name)
		}
	}
	if len(found) > 0 {
		slices.Sort(found)
		return "", fmt.Errorf("%s must not be set here, nor where this was started from: the package's code, which runs next, could read it: "+
			"check in a job or a shell without it, and publish in another", strings.Join(slices.Compact(found), ", "))
	}
	return "no token in its environment, nor in its ancestors'", nil
}
