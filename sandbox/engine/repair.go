package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// repair makes state and account agree after a run that was killed: the engine's
// locks go, what it had begun is forgotten, what was made without the state
// hearing of it is taken away, and a refresh finds out the rest.
func (s *Sandbox) repair(ctx context.Context) error {
	fmt.Fprintln(s.out, "the last run was cut off: repairing its state")
	type resource struct{ urn, id string }
	known := map[resource]bool{}
	var existing []string
	for _, name := range Names {
		if !s.exists(name) {
			continue
		}
		existing = append(existing, name)
		stack, err := s.unlocked(ctx, name)
		if err != nil {
			return fmt.Errorf("repairing stack %q: %w", name, err)
		}
		resources, err := forgetPending(ctx, stack)
		if err != nil {
			return fmt.Errorf("repairing stack %q: %w", name, err)
		}
		for _, r := range resources {
			known[resource{string(r.URN), string(r.ID)}] = true
		}
	}
	orphans := s.Cloud.Orphans(func(urn, id string) bool { return known[resource{urn, id}] })
	for _, r := range orphans {
		fmt.Fprintf(s.out, "  removed %s %s, which no stack knows\n", r.Type, r.ID)
	}
	if err := s.Cloud.Forget(orphans...); err != nil {
		return err
	}
	for _, name := range existing {
		if _, err := s.Run(ctx, name, Refresh); err != nil {
			return fmt.Errorf("repairing: %w", err)
		}
	}
	return nil
}

// unlocked waits for the engine of the killed run, which ends by itself once its
// program and providers are gone, and cancels its lock.
func (s *Sandbox) unlocked(ctx context.Context, name string) (auto.Stack, error) {
	locks, err := filepath.Glob(s.path("state", ".pulumi", "locks", "organization", project, name, "*.json"))
	if err != nil {
		return auto.Stack{}, err
	}
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
const engineExit = 30 * time.Second

func awaitExit(lock string) error {
	data, err := os.ReadFile(filepath.Clean(lock))
	if os.IsNotExist(err) {
		return nil
	}
	var holder struct{ Pid int }
	if err != nil || json.Unmarshal(data, &holder) != nil {
		return nil // cut off while it was written: nobody holds it
	}
	for start := time.Now(); alive(holder.Pid); time.Sleep(200 * time.Millisecond) {
		if time.Since(start) > engineExit {
			return fmt.Errorf("process %d, which the last run's engine had, still runs: "+
				"stop it if it is a pulumi process, or remove %q if it is not, and start again", holder.Pid, lock)
		}
	}
	return nil
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return err == nil && process.Signal(syscall.Signal(0)) == nil
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
