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

func (r runner) Start(ctx context.Context, request scheduler.Request) (scheduler.Task, error) {
	container := request.Definition.Container
	secrets, err := r.secrets(ctx, container.Secrets)
	if err != nil {
		return nil, fmt.Errorf("ResourceInitializationError: unable to pull secrets or registry auth: %w", err)
	}
	pulled, err := r.images.Pull(ctx, container.Image)
	if err != nil {
		return nil, fmt.Errorf("CannotPullContainerError: %w", err)
	}
	log, err := r.logs.Stream(container.LogStream(request.ID))
	if err != nil {
		return nil, fmt.Errorf("ResourceInitializationError: failed to initialize logging driver: %w", err)
	}
	subject := newSubject(request)
	started, err := r.host.Start(task.Request{
		ID: request.ID, Zone: request.Zone, Container: container, Secrets: secrets, Image: pulled, Log: log,
		Faults: r.faults.of(subject),
	})
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
