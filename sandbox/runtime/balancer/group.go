package balancer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// TargetHealth is the health of a target.
type TargetHealth struct {
	Target string      `json:"target"`
	State  TargetState `json:"state"`
	// Reason and Description say why a target is not healthy.
	Reason      string `json:"reason,omitempty"`
	Description string `json:"description,omitempty"`
	InFlight    int    `json:"inFlight"` // requests.
}

// target is a member of a group.
type target struct {
	address  string
	inFlight int
	checker  checker
	stop     context.CancelFunc // of its checks.
	// cut ends the requests in flight when the deregistration delay is over.
	cut    context.Context //nolint:containedctx // it is the target's life.
	cutOff context.CancelFunc
	idle   chan struct{} // closed when it drains and no request is left.
	gone   chan struct{} // closed after cut.
}

// group is a target group that runs.
type group struct {
	scale   timescale.Scale
	metrics *meter
	probe   func(ctx context.Context, address string, check HealthCheck, timeout time.Duration) result

	mu      sync.Mutex
	spec    TargetGroup
	targets []*target
	turn    int
	running sync.WaitGroup // health checks and drains.
	closed  chan struct{}
}

func newGroup(spec TargetGroup, scale timescale.Scale) *group {
	return &group{spec: spec, scale: scale, metrics: newMeter(scale), probe: probe, closed: make(chan struct{})}
}

func (g *group) change(spec TargetGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spec = spec
}

func (g *group) current() TargetGroup {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spec
}

func (g *group) find(address string) *target {
	for _, t := range g.targets {
		if t.address == address {
			return t
		}
	}
	return nil
}

func (g *group) register(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.find(address); t != nil {
		if t.checker.state != Draining {
			return
		}
		g.remove(t) // it comes back.
	}
	t := &target{address: address, checker: newChecker(), idle: make(chan struct{}), gone: make(chan struct{})}
	t.cut, t.cutOff = context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(t.cut)
	t.stop = stop
	g.targets = append(g.targets, t)
	g.running.Go(func() { g.check(ctx, t) })
}

// deregister drains a target: it is done when the delay is over, even when no
// request is left before. Requests take their own time, so those that are left
// are cut off no sooner than patience allows.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay
func (g *group) deregister(address string) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.find(address)
	if t == nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	if t.checker.state == Draining {
		return t.gone
	}
	t.checker = checker{state: Draining, reason: "Target.DeregistrationInProgress", description: "Target deregistration is in progress"}
	t.stop()
	g.count()
	if t.inFlight == 0 {
		close(t.idle)
	}
	delay, patience := g.scale.Seconds(g.spec.DeregistrationDelay), g.scale.Patience(g.spec.DeregistrationDelay)
	g.running.Go(func() {
		g.await(t, nil, delay)
		g.await(t, t.idle, patience-delay)
		g.mu.Lock()
		g.remove(t)
		g.mu.Unlock()
		close(t.gone)
	})
	return t.gone
}

// await returns after a time, or when a target is idle, registered again or its
// group closed.
func (g *group) await(t *target, idle <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-idle:
	case <-t.cut.Done():
	case <-g.closed:
	}
}

// remove forgets a target and cuts off its requests.
func (g *group) remove(t *target) {
	t.cutOff()
	g.targets = slices.DeleteFunc(g.targets, func(other *target) bool { return other == t })
}

// pick chooses the target of a request; nil when there is none. Without a
// healthy target, all are used: a group fails open.
func (g *group) pick() *target {
	g.mu.Lock()
	defer g.mu.Unlock()
	candidates := g.in(Healthy)
	if len(candidates) == 0 {
		candidates = g.in(Unhealthy, Initial)
	}
	if len(candidates) == 0 {
		return nil
	}
	g.turn++
	chosen := candidates[g.turn%len(candidates)]
	if g.spec.LoadBalancingAlgorithmType == LeastOutstanding {
		for i := range candidates { // equals take turns.
			if c := candidates[(g.turn+i)%len(candidates)]; c.inFlight < chosen.inFlight {
				chosen = c
			}
		}
	}
	chosen.inFlight++
	return chosen
}

func (g *group) release(t *target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.inFlight--; t.inFlight == 0 && t.checker.state == Draining {
		close(t.idle)
	}
}

func (g *group) in(states ...TargetState) []*target {
	var found []*target
	for _, t := range g.targets {
		if slices.Contains(states, t.checker.state) {
			found = append(found, t)
		}
	}
	return found
}

// count tells the metrics how many targets are healthy and not.
func (g *group) count() {
	g.metrics.hosts(time.Now(), len(g.in(Healthy)), len(g.in(Unhealthy)))
}

func (g *group) anyHealthy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.in(Healthy)) > 0
}

func (g *group) health(address string) TargetHealth {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.find(address); t != nil {
		return t.health()
	}
	return TargetHealth{Target: address, State: Unused, Reason: "Target.NotRegistered", Description: "Target is not registered to the target group"}
}

func (t *target) health() TargetHealth {
	return TargetHealth{t.address, t.checker.state, t.checker.reason, t.checker.description, t.inFlight}
}

func (g *group) status(now time.Time) GroupStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := GroupStatus{ARN: g.spec.ARN, Name: g.spec.Name, Metrics: g.metrics.window(now, 60)}
	for _, t := range g.targets {
		s.Targets = append(s.Targets, t.health())
	}
	return s
}

// close ends the checks and cuts off what is in flight.
func (g *group) close() {
	g.mu.Lock()
	close(g.closed)
	for _, t := range slices.Clone(g.targets) {
		g.remove(t)
	}
	g.mu.Unlock()
	g.running.Wait()
}
