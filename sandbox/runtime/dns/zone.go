package dns

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// aliasTTL is the TTL in seconds of the answers for a load balancer's name.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
const aliasTTL = 60

// maxDepth bounds how many aliases lead to an answer.
const maxDepth = 8

// Target is a load balancer as Route 53 sees it.
type Target struct {
	Address string // its IP address.
	Healthy bool
}

// Options of a [Zone].
type Options struct {
	Scale timescale.Scale
	// Target returns the load balancer with a DNS name. Required.
	Target func(dnsName string) (Target, bool)
	// HealthCheck reports whether a health check finds its endpoint healthy. Default:
	// each does.
	HealthCheck func(id string) bool
	// Rand returns a number from 0 below n. Default: a random one.
	Rand func(n int) int
}

// Answer is what a resolver gets.
type Answer struct {
	// Name that was asked for, and the Address that it has now.
	Name, Address string
	// TTL in real time.
	TTL time.Duration
	// Color is the set identifier of the weighted record that was chosen, if one
	// was, and Target the DNS name of the load balancer, if it is one.
	Color, Target string
}

// Zone answers for records.
type Zone struct {
	opts Options

	mu      sync.RWMutex
	records map[string][]Record
}

// NewZone returns a zone without records.
func NewZone(opts Options) *Zone {
	if opts.Rand == nil {
		opts.Rand = rand.IntN
	}
	return &Zone{opts: opts}
}

// Set replaces all records.
func (z *Zone) Set(records []Record) error {
	byName := map[string][]Record{}
	for _, r := range records {
		switch {
		case (r.Alias == nil) == (len(r.Records) == 0):
			return fmt.Errorf("record %q: exactly one of Alias, Records must be set", r.Name)
		case r.Weight != nil && (*r.Weight < 0 || *r.Weight > 255 || r.Failover != ""):
			return fmt.Errorf("record %q: Weight must be 0 to 255 and without Failover, got %d", r.Name, *r.Weight)
		case r.Failover != "" && r.Failover != Primary && r.Failover != Secondary:
			return fmt.Errorf("record %q: Failover must be PRIMARY or SECONDARY, got %q", r.Name, r.Failover)
		}
		name := canonical(r.Name)
		byName[name] = append(byName[name], r)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = byName
	return nil
}

// Records returns all records by name and set identifier.
func (z *Zone) Records() []Record {
	z.mu.RLock()
	defer z.mu.RUnlock()
	var all []Record
	for _, records := range z.records {
		all = append(all, records...)
	}
	slices.SortFunc(all, func(a, b Record) int {
		return slices.Compare([]string{a.Name, a.SetIdentifier}, []string{b.Name, b.SetIdentifier})
	})
	return all
}

// Resolve answers a query for a name.
func (z *Zone) Resolve(name string) (Answer, error) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	answer := Answer{Name: name}
	next := canonical(name)
	for range maxDepth {
		records := z.records[next]
		if len(records) == 0 {
			return answer, fmt.Errorf("resolving %q: NXDOMAIN: no record has the name %q", name, next)
		}
		chosen := z.choose(records)
		if chosen.Weight != nil {
			answer.Color = chosen.SetIdentifier
		}
		if chosen.Alias == nil {
			answer.Address, answer.TTL = chosen.Records[z.opts.Rand(len(chosen.Records))], z.opts.Scale.Seconds(chosen.TTL)
			return answer, nil
		}
		if next = canonical(chosen.Alias.Name); len(z.records[next]) > 0 {
			continue
		}
		target, ok := z.opts.Target(next)
		if !ok {
			return answer, fmt.Errorf("resolving %q: no load balancer has the DNS name %q", name, next)
		}
		answer.Address, answer.Target, answer.TTL = target.Address, next, z.opts.Scale.Seconds(aliasTTL)
		return answer, nil
	}
	return answer, fmt.Errorf("resolving %q: more than %d aliases lead from it", name, maxDepth)
}
