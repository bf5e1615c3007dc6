package balancer

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Options are the optional parts of [Balancers].
type Options struct {
	Scale timescale.Scale
	// AccessLog is where the access log of a load balancer goes. Default: nowhere.
	AccessLog func(name string) io.Writer
}

// Balancers are the load balancers and target groups of an account.
type Balancers struct {
	opts      Options
	addresses addresses

	mu        sync.RWMutex
	balancers map[string]*balancer // by ARN.
	groups    map[string]*group    // by ARN.
}

// New returns no load balancers yet.
func New(opts Options) *Balancers {
	if opts.AccessLog == nil {
		opts.AccessLog = func(string) io.Writer { return io.Discard }
	}
	return &Balancers{
		opts: opts, balancers: map[string]*balancer{}, groups: map[string]*group{},
		addresses: addresses{next: rand.IntN(blocks * 250)}, //nolint:gosec // no secret.
	}
}

// Apply creates a load balancer or changes it to what is given. Listeners that
// stay keep their connections.
func (b *Balancers) Apply(spec LoadBalancer) error {
	if err := spec.validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	current := b.balancers[spec.ARN]
	if current == nil {
		current = newBalancer(b, spec)
		b.balancers[spec.ARN] = current
	}
	if err := current.apply(spec); err != nil {
		return fmt.Errorf("load balancer %q: %w", spec.Name, err)
	}
	return nil
}

// Remove ends a load balancer, if it exists.
func (b *Balancers) Remove(arn string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if current := b.balancers[arn]; current != nil {
		current.close()
		delete(b.balancers, arn)
	}
}

// ApplyTargetGroup creates a target group or changes it.
func (b *Balancers) ApplyTargetGroup(spec TargetGroup) {
	spec.HealthCheck = spec.HealthCheck.withDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	if current := b.groups[spec.ARN]; current != nil {
		current.change(spec)
		return
	}
	b.groups[spec.ARN] = newGroup(spec, b.opts.Scale)
}

// RemoveTargetGroup ends a target group and the checks of its targets, if it
// exists.
func (b *Balancers) RemoveTargetGroup(arn string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if current := b.groups[arn]; current != nil {
		current.close()
		delete(b.groups, arn)
	}
}

func (b *Balancers) group(arn string) *group {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.groups[arn]
}

// Register adds a target, like 127.1.0.1:3000, to a group. It gets requests once
// it has passed a health check.
func (b *Balancers) Register(groupARN, address string) error {
	g := b.group(groupARN)
	if g == nil {
		return fmt.Errorf("registering %s: TargetGroupNotFound: Target groups '%s' not found", address, groupARN)
	}
	g.register(address)
	return nil
}

// Deregister takes a target out of a group: it gets no further requests, and
// those in flight may end within the deregistration delay. The channel is closed
// when that is over and the target may be stopped.
func (b *Balancers) Deregister(groupARN, address string) <-chan struct{} {
	if g := b.group(groupARN); g != nil {
		return g.deregister(address)
	}
	gone := make(chan struct{})
	close(gone)
	return gone
}

// Health is the health of a target.
func (b *Balancers) Health(groupARN, address string) TargetHealth {
	if g := b.group(groupARN); g != nil {
		return g.health(address)
	}
	return TargetHealth{Target: address, State: Unused, Reason: "Target.NotRegistered"}
}

// Close ends all load balancers and target groups.
func (b *Balancers) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, current := range b.balancers {
		current.close()
	}
	for _, current := range b.groups {
		current.close()
	}
	clear(b.balancers)
	clear(b.groups)
}

// Endpoint is how a load balancer is reached.
type Endpoint struct {
	// Address is its IP address, and Listeners are the addresses with port by the
	// port that the listener has in the account.
	Address   string         `json:"address"`
	Listeners map[int]string `json:"listeners"`
	// Healthy is what Route 53 finds when it evaluates the health of an alias:
	// every target group in use has a healthy target.
	// https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
	Healthy bool `json:"healthy"`
}

// Endpoint returns the load balancer with a DNS name.
func (b *Balancers) Endpoint(dnsName string) (Endpoint, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, current := range b.balancers {
		if current.spec.Load().DNSName == dnsName {
			return b.endpoint(current), true
		}
	}
	return Endpoint{}, false
}

func (b *Balancers) endpoint(current *balancer) Endpoint {
	e := Endpoint{Address: current.address, Listeners: map[int]string{}, Healthy: true}
	for port, listener := range current.listeners {
		e.Listeners[port] = listener.address
		for _, action := range listener.spec.Load().actions() {
			g := b.groups[action.TargetGroupARN]
			if action.Type == Forward && (g == nil || !g.anyHealthy()) {
				e.Healthy = false
			}
		}
	}
	return e
}

// Status is a load balancer as it is now.
type Status struct {
	ARN     string `json:"arn"`
	Name    string `json:"name"`
	DNSName string `json:"dnsName"`
	Endpoint
}

// GroupStatus is a target group as it is now.
type GroupStatus struct {
	ARN     string         `json:"arn"`
	Name    string         `json:"name"`
	Targets []TargetHealth `json:"targets"`
	// Metrics are those of the last minute of AWS's time.
	Metrics Metrics `json:"metrics"`
}

// Status returns all load balancers and target groups, by ARN.
func (b *Balancers) Status() (balancers []Status, groups []GroupStatus) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, arn := range slices.Sorted(maps.Keys(b.balancers)) {
		current := b.balancers[arn]
		spec := current.spec.Load()
		balancers = append(balancers, Status{arn, spec.Name, spec.DNSName, b.endpoint(current)})
	}
	for _, arn := range slices.Sorted(maps.Keys(b.groups)) {
		groups = append(groups, b.groups[arn].status(time.Now()))
	}
	return balancers, groups
}

// Blocked is how many requests the web ACL of a load balancer has blocked so far.
func (b *Balancers) Blocked(arn string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if current := b.balancers[arn]; current != nil {
		return int(current.blocked.Load())
	}
	return 0
}

// Window sums up the requests for a group in the last seconds of AWS's time, to
// now.
func (b *Balancers) Window(groupARN string, seconds int) (Metrics, bool) {
	g := b.group(groupARN)
	if g == nil {
		return Metrics{}, false
	}
	return g.metrics.window(time.Now(), seconds), true
}

// Series returns the last complete periods of a group, the oldest first, as
// CloudWatch's datapoints: a period has AWS's seconds, and is rounded to tens.
func (b *Balancers) Series(groupARN string, period, count int) []Metrics {
	g := b.group(groupARN)
	if g == nil {
		return nil
	}
	return g.metrics.series(time.Now(), period, count)
}
