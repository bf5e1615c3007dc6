package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/control"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// running is who has the sandbox, as its file says until it is closed.
type running struct {
	PID   int               `json:"pid"`
	Since time.Time         `json:"since"`
	Scale timescale.Scale   `json:"timeScale"`
	Env   map[string]string `json:"env"`     // of the engine.
	Serve string            `json:"account"` // address, "" when others may not work on it.
}

// Stop ends the process that runs the sandbox, if one does, and returns when it is
// gone.
func Stop(ctx context.Context, opts Options) error {
	var holder running
	data, err := os.ReadFile(filepath.Join(opts.Folder(), "running"))
	if err != nil || json.Unmarshal(data, &holder) != nil || holder.Serve == "" || !alive(holder.PID) {
		return nil
	}
	process, err := os.FindProcess(holder.PID)
	if err == nil {
		err = process.Signal(syscall.SIGTERM)
	}
	if err != nil {
		return fmt.Errorf("ending process %d, which runs the sandbox: %w", holder.PID, err)
	}
	lock := flock.New(filepath.Join(opts.Folder(), "lock"))
	limited, cancel := context.WithTimeout(ctx, engineExit)
	defer cancel()
	if _, err := lock.TryLockContext(limited, 50*time.Millisecond); err != nil {
		return fmt.Errorf("process %d, which runs the sandbox, does not end: %w", holder.PID, err)
	}
	return lock.Unlock()
}

// attach works on the account of the process that has the sandbox.
func (s *Sandbox) attach(ctx context.Context) error {
	var holder running
	data, err := os.ReadFile(s.path("running"))
	if err == nil {
		err = json.Unmarshal(data, &holder)
	}
	if err != nil || holder.Serve == "" {
		return fmt.Errorf("the sandbox %q is in use by process %d since %s: wait for it or stop it",
			s.dir, holder.PID, holder.Since.Format(time.DateTime))
	}
	client, err := control.Dial(holder.Serve)
	if err != nil {
		return err
	}
	s.Account, s.env, s.scale, s.close = client, holder.Env, holder.Scale, []func() error{client.Close}
	if s.caller != "" {
		before, err := cloud.Callers(s.path("cloud"))
		if err == nil {
			err = s.callers(s.caller)
		}
		if err != nil {
			return err
		}
		s.close = append(s.close, func() error { return cloud.SetCallers(s.path("cloud"), before) })
	}
	return s.repair(ctx, s.cutOff())
}

func (s *Sandbox) write(note running) error {
	data, err := json.Marshal(note)
	if err == nil {
		err = os.WriteFile(s.path("running"), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("opening the sandbox: %w", err)
	}
	return nil
}
