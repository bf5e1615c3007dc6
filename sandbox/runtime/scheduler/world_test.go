package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

const group = "tg/blue"

// world stands in for processes and target groups, in the time of a synctest
// bubble: at scale 60, a second is a minute of AWS. What a task does is decided
// by the name of its task definition.
type world struct {
	*Scheduler

	mu        sync.Mutex
	tasks     map[string]*fake // by address.
	started   atomic.Int64
	most      atomic.Int64 // tasks at once.
	least     atomic.Int64 // healthy targets, once there were some.
	requests  atomic.Int64 // a minute.
	lost      atomic.Bool  // no image can be pulled.
	downZones map[string]bool
	throttled bool
	ringing   map[string]bool
}

// fake is a task.
type fake struct {
	world      *world
	request    Request
	address    string
	started    time.Time
	registered bool
	sick       bool // its target fails.
	health     task.Health
	running    chan struct{}
	done       chan struct{}
	reason     string
	exit       *task.Exit
	once       sync.Once
}

// becomesHealthy is after how long a good task's target is healthy.
const becomesHealthy = 200 * time.Millisecond

// play runs a test in a bubble with a scheduler.
func play(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{tasks: map[string]*fake{}, downZones: map[string]bool{}, ringing: map[string]bool{}}
		w.Scheduler = New(Options{
			Scale: 60, Runner: w, Targets: w,
			Alarm:     func(name string) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.ringing[name] },
			ZoneDown:  func(zone string) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.downZones[zone] },
			Throttled: func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.throttled },
		})
		test(t, w)
		w.Close()
		synctest.Wait()
		assert.Empty(t, w.tasks, "nothing is left")
	})
}

func (w *world) Start(ctx context.Context, r Request) (Task, error) {
	f := &fake{
		world: w, request: r, address: fmt.Sprintf("127.1.0.%d:3000", w.started.Add(1)), health: task.Unknown,
		running: make(chan struct{}), done: make(chan struct{}), reason: "Essential container in task exited",
	}
	release := r.Definition.ARN
	select {
	case <-time.After(50 * time.Millisecond): // the pull.
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if w.lost.Load() || strings.HasPrefix(release, "missing") {
		return nil, errors.New("CannotPullContainerError: not found")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f.started, f.sick = time.Now(), strings.HasPrefix(release, "sick")
	if strings.HasPrefix(release, "crash") {
		time.AfterFunc(20*time.Millisecond, func() { f.finish(task.Exit{Code: 3, Reason: "exit status 3"}) })
	}
	if strings.HasPrefix(release, "migration fails") {
		time.AfterFunc(20*time.Millisecond, func() {
			f.reason = "CannotStartContainerError: dependency graph"
			f.finish(task.Exit{Code: 143, Reason: f.reason})
		})
	} else if !strings.HasPrefix(release, "migrates") {
		close(f.running)
	}
	w.tasks[f.address] = f
	w.most.Store(max(w.most.Load(), int64(len(w.tasks))))
	return f, nil
}

func (f *fake) finish(exit task.Exit) {
	f.once.Do(func() {
		f.world.mu.Lock()
		defer f.world.mu.Unlock()
		delete(f.world.tasks, f.address)
		f.exit = &exit
		close(f.done)
	})
}

func (f *fake) Address() string       { return f.address }
func (f *fake) User() string          { return "65532:65532" }
func (f *fake) Done() <-chan struct{} { return f.done }
func (f *fake) StoppedReason() string { return f.reason }
func (f *fake) Stop()                 { f.finish(task.Exit{}) }
func (f *fake) Kill()                 { f.finish(task.Exit{Code: 137}) }

// Started is closed at once, but for a task whose migration runs.
func (f *fake) Started() <-chan struct{} { return f.running }

// Usage is a quarter of a processor and 256 MiB.
func (f *fake) Usage() task.Usage {
	return task.Usage{CPU: time.Since(f.started) / 4, Memory: 256 << 20}
}

func (f *fake) Containers() []task.ContainerStatus {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	s := task.ContainerStatus{Name: "server"}
	if f.exit != nil {
		s.ExitCode, s.Reason = &f.exit.Code, f.exit.Reason
	}
	return []task.ContainerStatus{s}
}

func (f *fake) Health() task.Health {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	return f.health
}

func (w *world) Register(_, address string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tasks[address].registered = true
	return nil
}

func (w *world) Deregister(_, address string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	gone := make(chan struct{})
	if f := w.tasks[address]; f != nil {
		f.registered = false
		time.AfterFunc(500*time.Millisecond, func() { close(gone) })
	} else {
		close(gone)
	}
	return gone
}

func (w *world) Health(_, address string) balancer.TargetHealth {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.tasks[address]
	switch {
	case f == nil || !f.registered:
		return balancer.TargetHealth{State: balancer.Unused}
	case time.Since(f.started) < becomesHealthy:
		return balancer.TargetHealth{State: balancer.Initial}
	case f.sick:
		return balancer.TargetHealth{State: balancer.Unhealthy, Description: "Health checks failed with these codes: [503]"}
	}
	return balancer.TargetHealth{State: balancer.Healthy}
}

func (w *world) Series(string, int, int) []balancer.Metrics {
	return []balancer.Metrics{{RequestCount: int(w.requests.Load()), HealthyHostCount: w.healthy()}}
}

// healthy counts the healthy targets.
func (w *world) healthy() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.tasks {
		if f.registered && !f.sick && time.Since(f.started) >= becomesHealthy {
			n++
		}
	}
	return n
}

// find returns the tasks of a release.
func (w *world) find(release string) (found []*fake) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.tasks {
		if f.request.Definition.ARN == release {
			found = append(found, f)
		}
	}
	return found
}

// watch samples the healthy targets until the test ends.
func (w *world) watch(t *testing.T) {
	t.Helper()
	w.least.Store(int64(w.healthy()))
	ticker := time.NewTicker(5 * time.Millisecond)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.least.Store(min(w.least.Load(), int64(w.healthy())))
			case <-stop:
				return
			}
		}
	}()
}

func spec(release string, change func(*Service)) Service {
	s := Service{
		ARN: "arn:service", Name: "blue", Cluster: "cluster", DesiredCount: 3, AvailabilityZones: []string{"a", "b", "c"},
		TaskDefinition: TaskDefinition{ARN: release, CPU: 512, Memory: 1024, Containers: task.Containers{{
			Name: "server", Image: "codeflow@sha256:" + release, PortMappings: []task.PortMapping{{ContainerPort: 3000}},
		}}},
		LoadBalancers:            []LoadBalancer{{group, "server", 3000}},
		DeploymentCircuitBreaker: CircuitBreaker{Enable: true, Rollback: true},
	}
	if change != nil {
		change(&s)
	}
	return s
}

// apply deploys a release.
func (w *world) apply(t *testing.T, release string, change func(*Service)) *Deployment {
	t.Helper()
	d, err := w.Apply(spec(release, change))
	require.NoError(t, err)
	return d
}

// wait waits for a deployment for ten minutes, which is ten hours of AWS.
func wait(t *testing.T, d *Deployment) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	return d.Wait(ctx)
}

// settle deploys a release that settles.
func (w *world) settle(t *testing.T, release string, change func(*Service)) {
	t.Helper()
	require.NoError(t, wait(t, w.apply(t, release, change)))
}

func (w *world) service() ServiceStatus { return w.Status()[0] }

func (w *world) messages() (all []string) {
	for _, e := range w.service().Events {
		all = append(all, e.Message)
	}
	return all
}
