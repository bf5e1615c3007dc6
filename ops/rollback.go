package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RollbackOptions says which release a colour goes back to.
type RollbackOptions struct {
	Color string
	// TaskDefinition is the ARN to go back to. Default: the previous one in the
	// stack's outputs.
	TaskDefinition string
	// SchemaVersion that the release needs. Default: as in the stack's outputs.
	SchemaVersion string
	// Timeout until the service is steady. Default: 15 minutes.
	Timeout time.Duration
}

// Rollback makes a colour's service run the release before, as it is: task
// definitions are never deregistered, so nothing is built. The stack's state does
// not know; see the text at the end for what the next update does.
func (c *Controller) Rollback(ctx context.Context, schema Schema, opts RollbackOptions) error {
	what := fmt.Sprintf("rollback of %q", opts.Color)
	release, err := c.Stacks.Release(ctx, opts.Color)
	if err != nil {
		return err
	}
	now, err := c.Cloud.Color(ctx, opts.Color)
	if err != nil {
		return err
	}
	digest, err := fillRollback(&opts, release, now)
	if err != nil {
		return refused(what, err)
	}
	note, err := c.Cloud.SwitchedBack(ctx)
	if err != nil {
		return err
	}
	if err := checkSwitchedBack(opts.Color, Release{Digest: digest}, note); err != nil {
		return refused(what, err)
	}
	meaning, err := wayBack(schema, opts.SchemaVersion, release.SchemaVersion)
	if err != nil {
		return refused(what, err)
	}
	text := fmt.Sprintf("rolling %q back from %s to %s (digest %s); database: %s", opts.Color, now.TaskDefinition, opts.TaskDefinition, short(digest), meaning)
	if c.Confirm != nil {
		if err := c.Confirm(text); err != nil {
			return refused(what, err)
		}
	}
	if err := c.record("", Entry{Event: RollingBack, Text: text}); err != nil {
		return err
	}
	if err := c.Cloud.Deploy(ctx, opts.Color, opts.TaskDefinition); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := c.awaitRelease(ctx, opts, digest); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return c.record("", Entry{Event: RolledBack, Text: fmt.Sprintf(
		"%q runs %s. Its stack still names the release before: pulumi up -s %s with another release deploys that, with the same one it fails and says so, "+
			"and ops switch refuses the colour until then", opts.Color, opts.TaskDefinition, opts.Color)})
}

// fillRollback completes the options and returns the digest to go to, "" when it
// is not known.
func fillRollback(opts *RollbackOptions, r Release, now Color) (digest string, err error) {
	if opts.Timeout <= 0 {
		opts.Timeout = 15 * time.Minute
	}
	if opts.TaskDefinition == "" {
		opts.TaskDefinition = r.PreviousTaskDefinition
	}
	switch {
	case opts.TaskDefinition == "":
		return "", fmt.Errorf("stack %q has no output previousTaskDefinition: name one with --to-task-definition "+
			"(aws ecs list-task-definitions --sort DESC)", opts.Color)
	case opts.TaskDefinition == now.TaskDefinition && !now.Deploying:
		return "", fmt.Errorf("%q runs %s already", opts.Color, opts.TaskDefinition)
	case opts.TaskDefinition == r.PreviousTaskDefinition:
		digest = r.PreviousDigest
		if opts.SchemaVersion == "" {
			opts.SchemaVersion = r.PreviousSchemaVersion
		}
	}
	return digest, nil
}

// awaitRelease waits until all tasks are of the task definition and healthy.
func (c *Controller) awaitRelease(ctx context.Context, opts RollbackOptions, digest string) error {
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	var last error
	for {
		now, err := c.Cloud.Color(ctx, opts.Color)
		switch {
		case err != nil:
			last = err
		case now.TaskDefinition != opts.TaskDefinition && !now.Deploying:
			return fmt.Errorf("ECS went back to %s: see the service's events (aws ecs describe-services)", now.TaskDefinition)
		case now.Deploying || now.Running != now.Desired || now.Targets.Healthy != now.Desired || now.Targets.Unhealthy > 0:
			last = fmt.Errorf("%d of %d tasks run, %s", now.Running, now.Desired, now.Targets)
		case digest != "" && !slices.Equal(now.Digests, []string{digest}):
			return fmt.Errorf("must run digest %s, got %s: the outputs of stack %q are wrong", digest, orNothing(now.Digests), opts.Color)
		default:
			return nil
		}
		if err := pause(ctx, c.Pace.withDefaults().Interval); err != nil {
			return errors.Join(fmt.Errorf("it was not steady in time, ECS goes on (run it again to wait): %w", last), context.Cause(ctx))
		}
	}
}
