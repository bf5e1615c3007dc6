package pulumi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// lockHolder is how the engine names who has a lock, in backends without a service.
var lockHolder = regexp.MustCompile(`created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)`)

// self is who works here. The engine's lock has no machine, and names of hosts are
// alike: what this user began on this machine is noted on it.
type self struct {
	Machine string    `json:"machine"` // "" where it has no id, or is thrown away after its run
	User    string    `json:"user"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"` // of the update
}

func whoAmI() (s self) {
	if current, err := user.Current(); err == nil {
		s.User = current.Username
	}
	s.Host, _ = os.Hostname()
	if cmp.Or(os.Getenv("GITHUB_ACTIONS"), os.Getenv("CI")) == "" {
		id, _ := os.ReadFile("/etc/machine-id") // https://www.freedesktop.org/software/systemd/man/latest/machine-id.html
		s.Machine = strings.TrimSpace(string(id))
	}
	return s
}

// note is the file of the update that was begun here, until it ends. It stays when the
// run is killed.
func (s *Stacks) note(stack string) string {
	return filepath.Join(filepath.Dir(s.opts.File), ".ops", stack, "update.json")
}

// free does an operation, which returns the Automation API's own error; when a run of
// this user that was killed on this machine has left its lock, the lock is taken away
// first. Any other lock is somebody's.
func (s *Stacks) free(ctx context.Context, stack *auto.Stack, operate func() error) error {
	var before self
	file := s.note(stack.Name())
	if text, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(text, &before) // of a damaged one nothing is known
	}
	if err := s.begin(file); err != nil {
		return err
	}
	err := operate()
	if auto.IsConcurrentUpdateError(err) && before.left(s.me, err.Error()) {
		if err := stack.Cancel(ctx); err != nil {
			return fmt.Errorf("taking the lock of a killed run of stack %q away: %w", stack.Name(), err)
		}
		err = operate()
	}
	if removed := os.Remove(file); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if auto.IsConcurrentUpdateError(err) {
		return fmt.Errorf("stack %q is being updated by somebody else (if nobody is, run pulumi cancel -s %s): %w", stack.Name(), stack.Name(), err)
	}
	return err
}

// begin notes an update that begins.
func (s *Stacks) begin(file string) error {
	now := s.me
	now.Since = time.Now().UTC()
	text, err := json.Marshal(now)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("noting the update: %w", err)
	}
	return nil
}

// left is true when every holder of the lock is a process of the noted update, by this
// user on this machine, that has ended.
func (n self) left(me self, text string) bool {
	if me.Machine == "" || n.Machine != me.Machine || n.User != me.User || n.Host != me.Host {
		return false
	}
	holders := lockHolder.FindAllStringSubmatch(text, -1)
	for _, holder := range holders {
		pid, err := strconv.Atoi(holder[3])
		at, wrong := time.Parse(time.RFC3339, holder[4])
		if err != nil || wrong != nil || holder[1] != me.User || holder[2] != me.Host || at.Before(n.Since.Truncate(time.Second)) || alive(pid) {
			return false
		}
	}
	return len(holders) > 0
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return err == nil && process.Signal(syscall.Signal(0)) == nil
}
