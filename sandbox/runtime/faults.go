package runtime

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// The kinds of faults. Where the scope is a task's, it may be the name of a
// service, a colour, an availability zone, an image digest or a task id, or empty
// for all tasks. A digest makes a bad release: its tasks have the fault wherever
// and whenever they run, and others do not.
const (
	// FaultTaskCrash kills the task of the scope that runs for longest, once.
	FaultTaskCrash = "task-crash"
	// FaultSlow delays the answers of tasks: "slow" or "slow=2500ms".
	FaultSlow = "slow"
	// FaultErrorRate answers a percentage of the requests of tasks with 500:
	// "error-rate" or "error-rate=5".
	FaultErrorRate = "error-rate"
	// FaultUnhealthy fails all health checks of tasks.
	FaultUnhealthy = "unhealthy"
	// FaultZoneDown kills the tasks in the zone that is its scope, and lets none
	// be placed there.
	FaultZoneDown = "az-down"
	// FaultDeployFails kills tasks as soon as they have started, as a release does
	// that crashes at its start. Those that run already stay.
	FaultDeployFails = "deploy-fails"
	// FaultThrottle refuses every third start of a task. It has no scope.
	FaultThrottle = "throttle"
)

// FaultKinds are all of them.
var FaultKinds = []string{
	FaultTaskCrash, FaultSlow, FaultErrorRate, FaultUnhealthy, FaultZoneDown, FaultDeployFails, FaultThrottle,
}

// What the faults with a value have without one.
const (
	defaultDelay        = 3 * time.Second
	defaultErrorPercent = 5.0
)

// throttleEvery is how often the throttle fault strikes.
const throttleEvery = 3

// SetFault switches a fault on or off for a scope. A value follows its kind:
// "error-rate=5".
func (r *Runtime) SetFault(fault, scope string, on bool) error {
	kind, value, _ := strings.Cut(fault, "=")
	effect, err := effectOf(kind, value)
	if err != nil {
		return err
	}
	if kind == FaultZoneDown && scope == "" {
		return fmt.Errorf("fault %q: its scope must be an availability zone", kind)
	}
	if kind == FaultTaskCrash {
		return r.faults.crash(scope, on)
	}
	r.faults.set(kind, scope, on, effect)
	return nil
}

// effectOf is what a fault does to a task.
func effectOf(kind, value string) (effect task.Faults, err error) {
	switch kind {
	case FaultSlow:
		effect.Delay, err = time.ParseDuration(cmp.Or(value, defaultDelay.String()))
	case FaultErrorRate:
		effect.ErrorPercent, err = strconv.ParseFloat(cmp.Or(value, fmt.Sprint(defaultErrorPercent)), 64)
	case FaultUnhealthy:
		effect.Unhealthy = true
	case FaultTaskCrash, FaultZoneDown, FaultDeployFails, FaultThrottle:
	default:
		return effect, fmt.Errorf("unknown fault %q: there are %s", kind, strings.Join(FaultKinds, ", "))
	}
	if err != nil {
		return effect, fmt.Errorf("fault %q: its value must be like slow=2500ms or error-rate=5, got %q", kind, value)
	}
	return effect, nil
}

// subject is a task with the names that a scope may have for it.
type subject struct {
	names   []string
	zone    string
	started time.Time
}

func newSubject(r scheduler.Request) subject {
	_, digest, _ := strings.Cut(r.Definition.Containers.Main().Image, "@")
	return subject{[]string{r.Service, r.Color, r.Zone, digest, r.ID}, r.Zone, time.Now()}
}

func (s subject) in(scope string) bool { return scope == "" || slices.Contains(s.names, scope) }

// faults are those that are on, and the tasks that run.
type faults struct {
	mu     sync.Mutex
	on     map[fault]task.Faults
	tasks  map[*task.Task]subject
	starts int // while they are throttled.
}

type fault struct{ kind, scope string }

func newFaults() *faults {
	return &faults{on: map[fault]task.Faults{}, tasks: map[*task.Task]subject{}}
}

func (f *faults) set(kind, scope string, on bool, effect task.Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on {
		f.on[fault{kind, scope}] = effect
	} else {
		delete(f.on, fault{kind, scope})
	}
	for t, s := range f.tasks {
		f.apply(t, s)
	}
}

// apply gives a task its faults.
func (f *faults) apply(t *task.Task, s subject) {
	t.SetFaults(f.effect(s))
	if _, down := f.on[fault{FaultZoneDown, s.zone}]; down {
		t.Kill()
	}
}

// effect adds up the faults of a task.
func (f *faults) effect(s subject) (all task.Faults) {
	for which, effect := range f.on {
		if s.in(which.scope) {
			all.Delay, all.ErrorPercent = max(all.Delay, effect.Delay), max(all.ErrorPercent, effect.ErrorPercent)
			all.Unhealthy = all.Unhealthy || effect.Unhealthy
		}
	}
	return all
}

func (f *faults) of(s subject) task.Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.effect(s)
}

// watch notes a task that has started. What was switched while it did applies.
func (f *faults) watch(t *task.Task, s subject) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tasks[t] = s
	f.apply(t, s)
	for which := range f.on {
		if which.kind == FaultDeployFails && s.in(which.scope) {
			t.Kill()
		}
	}
}

func (f *faults) forget(t *task.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tasks, t)
}

func (f *faults) crash(scope string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var oldest *task.Task
	for t, s := range f.tasks {
		if s.in(scope) && (oldest == nil || s.started.Before(f.tasks[oldest].started)) {
			oldest = t
		}
	}
	switch {
	case !on: // it is over at once.
	case oldest == nil:
		return fmt.Errorf("fault %q: no task is in the scope %q: name a service, colour, zone, digest or task", FaultTaskCrash, scope)
	default:
		oldest.Kill()
	}
	return nil
}

func (f *faults) zoneDown(zone string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, down := f.on[fault{FaultZoneDown, zone}]
	return down
}

func (f *faults) throttled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, on := f.on[fault{FaultThrottle, ""}]; !on {
		return false
	}
	f.starts++
	return f.starts%throttleEvery == 0
}

// list returns the faults that are on, as "kind:scope".
func (f *faults) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []string{}
	for which := range f.on {
		all = append(all, strings.TrimSuffix(which.kind+":"+which.scope, ":"))
	}
	slices.Sort(all)
	return all
}
