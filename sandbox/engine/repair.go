package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// repair makes state and account agree after a run that was killed: the engine's
// locks go, what it had begun is forgotten, what was made without the state
// hearing of it is taken away, and a refresh finds out the rest.
func (s *Sandbox) repair(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	fmt.Fprintln(s.out, "the last run was cut off: repairing its state")
	for _, name := range names {
		if err := s.repairStack(ctx, name); err != nil {
			return fmt.Errorf("repairing stack %q: %w", name, err)
		}
	}
	return nil
}

func (s *Sandbox) repairStack(ctx context.Context, name string) error {
	var known [][2]string
	exists := s.exists(name)
	if exists {
		stack, err := s.unlocked(ctx, name)
		if err != nil {
			return err
		}
		resources, err := forgetPending(ctx, stack)
		if err != nil {
			return err
		}
		for _, r := range resources {
			known = append(known, [2]string{string(r.URN), string(r.ID)})
		}
	}
	removed, err := s.Account.Sweep(name, known)
	for _, r := range removed {
		fmt.Fprintf(s.out, "  removed %s, which no stack knows\n", r)
	}
	if err == nil && exists {
		_, err = s.Run(ctx, name, Refresh)
	}
	return err
}

// locks are the files of the engine's locks on a stack.
func (s *Sandbox) locks(name string) []string {
	locks, _ := filepath.Glob(s.path("state", ".pulumi", "locks", "organization", project, name, "*.json")) // the pattern is good.
	return locks
}

// cutOff are the stacks on which a process that is gone has left a lock.
func (s *Sandbox) cutOff() []string {
	return slices.DeleteFunc(slices.Clone(Names), func(name string) bool {
		return !slices.ContainsFunc(s.locks(name), func(lock string) bool { return !alive(holder(lock)) })
	})
}

// unlocked waits for the engine of the killed run, which ends by itself once its
// program and providers are gone, and cancels its lock.
func (s *Sandbox) unlocked(ctx context.Context, name string) (auto.Stack, error) {
	locks := s.locks(name)
	for _, lock := range locks {
		if err := awaitExit(lock); err != nil {
			return auto.Stack{}, err
		}
	}
	stack, err := s.stack(ctx, name)
	if err == nil && len(locks) > 0 {
		err = stack.Cancel(ctx)
	}
	return stack, err
}

// engineExit is how long the engine of a killed run may take to notice.
const engineExit = 3 * time.Minute

func awaitExit(lock string) error {
	pid := holder(lock)
	for start := time.Now(); alive(pid); time.Sleep(200 * time.Millisecond) {
		if time.Since(start) > engineExit {
			return fmt.Errorf("process %d, which the last run's engine had, still runs: "+
				"stop it if it is a pulumi process, or remove %q if it is not, and start again", pid, lock)
		}
	}
	return nil
}

// holder is the process of a lock, 0 when it is gone or was cut off while it was
// written: then nobody holds it.
func holder(lock string) int {
	data, _ := os.ReadFile(filepath.Clean(lock))
	var who struct{ Pid int }
	_ = json.Unmarshal(data, &who)
	return who.Pid
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return pid > 0 && err == nil && process.Signal(syscall.Signal(0)) == nil
}

// forgetPending takes what the engine had begun out of the stack's state, and
// returns the resources in it.
func forgetPending(ctx context.Context, stack auto.Stack) ([]apitype.ResourceV3, error) {
	exported, err := stack.Export(ctx)
	if err != nil {
		return nil, err
	}
	var deployment apitype.DeploymentV3
	if err := json.Unmarshal(exported.Deployment, &deployment); err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	if len(deployment.PendingOperations) == 0 {
		return deployment.Resources, nil
	}
	deployment.PendingOperations = nil
	if exported.Deployment, err = json.Marshal(deployment); err != nil {
		return nil, fmt.Errorf("writing the state: %w", err)
	}
	return deployment.Resources, stack.Import(ctx, exported)
}
