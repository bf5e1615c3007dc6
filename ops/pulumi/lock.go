package pulumi

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// lockHolder is how the engine names who has a lock, in backends without a service.
var lockHolder = regexp.MustCompile(`created by \S+@(\S+) \(pid (\d+)\)`)

// free does an operation, which returns the Automation API's own error; when a run
// that was killed on this machine has left its lock, the lock is taken away first.
// Any other lock is somebody's.
func (s *Stacks) free(ctx context.Context, stack *auto.Stack, operate func() error) error {
	err := operate()
	if err == nil || !auto.IsConcurrentUpdateError(err) {
		return err
	}
	if orphan(err.Error()) {
		if err := stack.Cancel(ctx); err != nil {
			return fmt.Errorf("taking the lock of a killed run of stack %q away: %w", stack.Name(), err)
		}
		return operate()
	}
	return fmt.Errorf("stack %q is being updated by somebody else (if nobody is, run pulumi cancel -s %s): %w", stack.Name(), stack.Name(), err)
}

// orphan is true when every holder is a process of this machine that has ended.
func orphan(text string) bool {
	holders := lockHolder.FindAllStringSubmatch(text, -1)
	host, err := os.Hostname()
	if err != nil {
		return false
	}
	for _, holder := range holders {
		pid, err := strconv.Atoi(holder[2])
		if err != nil || holder[1] != host || alive(pid) {
			return false
		}
	}
	return len(holders) > 0
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return err == nil && process.Signal(syscall.Signal(0)) == nil
}
