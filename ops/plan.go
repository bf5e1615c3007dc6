package ops

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Pace is how long the controller waits. The zero value is AWS's.
type Pace struct {
	// TTL is how long resolvers cache an answer. Default: 60 s, which Route 53
	// gives aliases to load balancers.
	// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
	TTL time.Duration `json:"ttlNs"`
	// Interval between two samples. Default: 10 s.
	Interval time.Duration `json:"intervalNs"`
	// Window over which the load is measured. Default: three minutes; load balancers
	// report by the minute, and late.
	Window time.Duration `json:"windowNs"`
	// Extra is how long a watch that knows too little may go on. Default: ten times
	// TTL.
	Extra time.Duration `json:"extraNs"`
	// Patience is how long one look at the cloud may take. Default: 30 s.
	Patience time.Duration `json:"patienceNs"`
	// Update is how long one step's updates of the platform may take. Nothing is
	// watched meanwhile. Default: 5 min.
	Update time.Duration `json:"updateNs"`
}

func (p Pace) withDefaults() Pace {
	p.TTL = positive(p.TTL, time.Minute)
	return Pace{
		TTL: p.TTL, Interval: positive(p.Interval, 10*time.Second), Window: positive(p.Window, 3*time.Minute), Extra: positive(p.Extra, 10*p.TTL),
		Patience: positive(p.Patience, 30*time.Second), Update: positive(p.Update, 5*time.Minute),
	}
}

// looks are how many of the last samples decide. The guide's circuit breaker opens
// after five failures in a row, and during a bake the new colour has to prove itself.
// The breaker's 60 s until it is half-open are the time to live of the records.
const looks, guardThreshold, bakeThreshold = 5, 5, 3

// longest is over how long a time the colours are compared at most.
const longest = time.Hour

// blindThreshold is how many looks in a row may fail before the controller gives up.
const blindThreshold = 5

// SwitchOptions says how the traffic moves.
type SwitchOptions struct {
	To    string
	Steps []int         // percent for the new colour, rising to 100; default 10, 50, 100
	Bake  time.Duration // watched at each step, besides the time to live; default: none
	Guard time.Duration // watched after the last step; default: none
	// Probe has the controller send as many requests of its own as a bake needs.
	Probe bool
	// OneWay begins though the database blocks the way back.
	OneWay bool
}

func (o *SwitchOptions) validate() error {
	if len(o.Steps) == 0 {
		o.Steps = []int{10, 50, 100}
	}
	if !slices.IsSorted(o.Steps) || len(slices.Compact(slices.Clone(o.Steps))) != len(o.Steps) || o.Steps[0] < 1 || o.Steps[len(o.Steps)-1] != 100 {
		return fmt.Errorf("steps must rise from 1 or more to 100, got %v: for example 10,50,100", o.Steps)
	}
	if o.Bake < 0 || o.Guard < 0 {
		return fmt.Errorf("bake and guard must not be negative, got %s and %s", o.Bake, o.Guard)
	}
	if o.To == "" {
		return errors.New("the colour to switch to is missing: for example --to green")
	}
	return nil
}

// Plan is what a rollout does. It is in the journal, so that whoever resumes it
// does the same.
type Plan struct {
	To     string  `json:"to"`
	From   string  `json:"from"`
	Before Weights `json:"before"` // as the rollout found them; an abort puts them back
	Back   Weights `json:"back"`   // all traffic on From and no record of To
	Steps  []int   `json:"steps,omitempty"`
	Digest string  `json:"digest"` // of To; "" when it is not known
	// Force brings the traffic back to a colour without healthy targets.
	Force bool `json:"force,omitempty"`
	// Probes are how many requests of its own the controller sends in a bake.
	Probes int `json:"probes,omitempty"`
	// Kept is how many tasks From keeps meanwhile, and FromDigests what they run.
	Kept        int      `json:"kept,omitempty"`
	FromDigests []string `json:"fromDigests,omitempty"`
	// Bearable is how many requests per second a target may get.
	Bearable   float64       `json:"bearable"`
	Bake       time.Duration `json:"bakeNs"`
	Guard      time.Duration `json:"guardNs"`
	Pace       Pace          `json:"pace"`
	Thresholds Thresholds    `json:"thresholds"`
}

// weights of a step. The old colour keeps its record, a warm standby in the end.
func (p *Plan) weights(step int) Weights {
	share := p.Steps[step]
	return Weights{p.From: 100 - share, p.To: share}
}
