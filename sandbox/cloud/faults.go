package cloud

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The faults that can be switched on.
const (
	// FaultDeployFails makes ECS deployments fail, of all services or, written
	// "deploy-fails:NAME", of one.
	FaultDeployFails = "deploy-fails"
	// FaultThrottle makes every third change fail with a ThrottlingException.
	FaultThrottle = "throttle"
)

// throttleEvery is how often the throttle fault strikes.
const throttleEvery = 3

// SetFault switches a fault on or off. It is a file beside the store, so it
// also holds for other processes and the next start.
func (c *Cloud) SetFault(name string, on bool) error {
	kind, _, _ := strings.Cut(name, ":")
	if known := []string{FaultDeployFails, FaultThrottle}; !slices.Contains(known, kind) {
		return fmt.Errorf("unknown fault %q: there are %s", name, strings.Join(known, ", "))
	}
	path := c.faultPath(name)
	if on {
		if err := writeAtomically(path, nil); err != nil {
			return fmt.Errorf("setting the fault %q: %w", name, err)
		}
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing the fault %q: %w", name, err)
	}
	return nil
}

// Faults lists the names for which a kind of fault is on, "" for all.
func (c *Cloud) Faults(kind string) (names []string) {
	files, _ := os.ReadDir(filepath.Join(c.dir, "faults")) // without the folder there are none.
	for _, file := range files {
		if fault, err := url.PathUnescape(file.Name()); err == nil && (fault == kind || strings.HasPrefix(fault, kind+":")) {
			names = append(names, strings.TrimPrefix(strings.TrimPrefix(fault, kind), ":"))
		}
	}
	return names
}

// faulty reports whether a fault is on, in general or for one name.
func (c *Cloud) faulty(kind, name string) bool {
	for _, fault := range []string{kind, kind + ":" + name} {
		if _, err := os.Stat(c.faultPath(fault)); err == nil {
			return true
		}
	}
	return false
}

func (c *Cloud) faultPath(name string) string { return filepath.Join(c.dir, "faults", escape(name)) }

func (c *Cloud) throttle() error {
	if !c.faulty(FaultThrottle, "") {
		return nil
	}
	if c.calls++; c.calls%throttleEvery == 0 {
		return refuse("ThrottlingException", "Rate exceeded")
	}
	return nil
}
