package scheduler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Runner starts tasks.
type Runner interface {
	// Start pulls the images and starts the task. Its error is the reason why the
	// task stopped, in ECS's words.
	Start(ctx context.Context, r Request) (Task, error)
}

// Request says which task to start.
type Request struct {
	ID, Zone   string
	Service    string
	Color      string
	Definition TaskDefinition
}

// Task is what a [Runner] has started; [task.Task] is one.
type Task interface {
	Address() string
	User() string
	Health() task.Health
	Usage() task.Usage
	Containers() []task.ContainerStatus
	// Started is closed when the task is RUNNING, unless it ends before.
	Started() <-chan struct{}
	Done() <-chan struct{}
	StoppedReason() string
	Stop()
	Kill()
}

// Targets are the target groups; [balancer.Balancers] are.
type Targets interface {
	Register(groupARN, address string) error
	Deregister(groupARN, address string) <-chan struct{}
	Health(groupARN, address string) balancer.TargetHealth
	Series(groupARN string, period, count int) []balancer.Metrics
}

// Options of a [Scheduler].
type Options struct {
	Scale   timescale.Scale
	Runner  Runner  // required.
	Targets Targets // required.
	// Alarm reports whether a CloudWatch alarm is in ALARM. It must not call the
	// scheduler. Default: none is.
	Alarm func(name string) bool
	// ZoneDown reports whether a zone has no capacity, and Throttled whether the
	// next start is refused. Default: never.
	ZoneDown  func(zone string) bool
	Throttled func() bool
}

// Scheduler runs services.
type Scheduler struct {
	opts    Options
	ctx     context.Context //nolint:containedctx // the scheduler's life.
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	services map[string]*service
}

// New returns a scheduler without services.
func New(opts Options) *Scheduler {
	if opts.Alarm == nil {
		opts.Alarm = func(string) bool { return false }
	}
	if opts.ZoneDown == nil {
		opts.ZoneDown = func(string) bool { return false }
	}
	if opts.Throttled == nil {
		opts.Throttled = func() bool { return false }
	}
	s := &Scheduler{opts: opts, services: map[string]*service{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Apply creates a service or updates it, as ECS does: what needs new tasks
// starts a deployment. The handle waits for the service to be steady.
func (s *Scheduler) Apply(spec Service) (*Deployment, error) {
	spec = spec.withDefaults()
	if err := spec.validate(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("service %q: the scheduler is closed", spec.Name)
	}
	if current := s.services[spec.Name]; current != nil {
		return current.update(spec)
	}
	created := newService(s, spec)
	s.services[spec.Name] = created
	d := created.deploy(time.Now())
	s.running.Go(created.run)
	return d, nil
}

// Scale makes a service have so many tasks, until its autoscaling decides otherwise.
func (s *Scheduler) Scale(name string, tasks int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.services[name]
	if current == nil {
		return fmt.Errorf("service %q does not run", name)
	}
	current.mu.Lock()
	defer current.mu.Unlock()
	current.desired, current.steady = tasks, false
	current.scale()
	current.poke()
	return nil
}

// errRemoved ends the waiting for a service that is gone.
var errRemoved = errors.New("the service was removed")

// Remove drains and stops all tasks of a service and forgets it. It returns when
// they have ended.
func (s *Scheduler) Remove(ctx context.Context, name string) error {
	s.mu.Lock()
	current := s.services[name]
	s.mu.Unlock()
	if current == nil {
		return nil
	}
	current.remove()
	select {
	case <-current.done:
	case <-ctx.Done():
		return fmt.Errorf("removing service %q: %w", name, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.services[name] == current {
		delete(s.services, name)
	}
	return nil
}

// Close kills all tasks and returns when they are gone.
func (s *Scheduler) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.running.Wait()
}

// Status returns all services by name.
func (s *Scheduler) Status() []ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ServiceStatus
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		all = append(all, s.services[name].status())
	}
	return all
}
