// Package systemdir knows the directories of an operating system that no agent
// may be given to work in.
package systemdir

import (
	"path"
	"slices"
	"strings"
)

var (
	// whole are refused with all that is below them, alone only themselves.
	whole = []string{
		"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr",
		"/Library", "/System", "/private/etc", "/var/lib", "/var/log", "/var/run",
	}
	alone = []string{"/", "/Users", "/home", "/private", "/private/var", "/var"}
)

// Is reports whether an absolute path with forward slashes is such a directory.
func Is(directory string) bool {
	directory = path.Clean(directory)
	return slices.Contains(alone, directory) || slices.ContainsFunc(whole, func(system string) bool {
		return directory == system || strings.HasPrefix(directory, system+"/")
	})
}
