package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// runner starts the scheduler's tasks. Its errors begin as ECS's do.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
type runner struct{ *Runtime }

func (r runner) Start(ctx context.Context, request scheduler.Request) (_ scheduler.Task, err error) {
	subject := newSubject(request)
	start := task.Request{ID: request.ID, Zone: request.Zone, Faults: r.faults.of(subject)}
	for _, definition := range request.Definition.Containers {
		container, err := r.container(ctx, definition)
		if err != nil {
			return nil, err
		}
		start.Containers = append(start.Containers, container)
	}
	for i := range start.Containers {
		container := &start.Containers[i]
		if container.Log, err = r.logs.Stream(container.LogStream(request.ID)); err != nil {
			for _, opened := range start.Containers[:i] {
				_ = opened.Log.Close() // nothing was written.
			}
			return nil, fmt.Errorf("ResourceInitializationError: failed to initialize logging driver: %w", err)
		}
	}
	started, err := r.host.Start(start)
	if err != nil {
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	r.faults.watch(started, subject)
	r.running.Go(func() {
		<-started.Done()
		r.faults.forget(started)
	})
	return started, nil
}

// container gets what a container needs. Only the image of an essential one must
// be there.
func (r runner) container(ctx context.Context, definition task.ContainerDefinition) (c task.Container, err error) {
	c.ContainerDefinition = definition
	if c.Values, err = r.secrets(ctx, definition.Secrets); err != nil {
		return c, fmt.Errorf("ResourceInitializationError: unable to pull secrets or registry auth: %w", err)
	}
	if task.StandsIn(definition) {
		return c, nil
	}
	if c.Image, err = r.images.Pull(ctx, definition.Image); err != nil {
		err = fmt.Errorf("CannotPullContainerError: %w", err)
		if !definition.IsEssential() {
			c.Err, err = err, nil
		}
	}
	return c, err
}

func (r runner) secrets(ctx context.Context, secrets []task.Secret) (map[string]string, error) {
	values := map[string]string{}
	for _, secret := range secrets {
		if r.opts.Secret == nil {
			return nil, errors.New("there are no secrets here")
		}
		value, err := r.opts.Secret(ctx, secret.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("reading %s for %s: %w", secret.ValueFrom, secret.Name, err)
		}
		values[secret.Name] = value
	}
	return values, nil
}
