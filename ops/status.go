package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Status is everything at a glance.
type Status struct {
	Time    time.Time     `json:"time"`
	File    Weights       `json:"file"`    // codeflow:traffic
	Records Weights       `json:"records"` // what Route 53 answers by
	Colors  []ColorStatus `json:"colors"`
	// Out are the colours that Route 53 leaves, since their health checks fail.
	Out          []string      `json:"out,omitempty"`
	SwitchedBack *SwitchedBack `json:"switchedBack,omitempty"`
	Holder       *Holder       `json:"holder,omitempty"` // who is changing the traffic
	Rollout      *Rollout      `json:"rollout,omitempty"`
	// Explanation of the rollout and what to do next, a sentence each.
	Explanation []string `json:"explanation"`
	// Problems of what could not be seen.
	Problems []string `json:"problems,omitempty"`
}

// ColorStatus is one colour.
type ColorStatus struct {
	Name     string   `json:"name"`
	Seen     bool     `json:"seen"` // the rest says nothing otherwise
	Release  Release  `json:"release"`
	State    Color    `json:"state"`
	Requests Requests `json:"requests"`
}

// Status looks at the colours; what cannot be seen is among the problems, since
// that is when a status is wanted most.
func (c *Controller) Status(ctx context.Context, colors []string, holder *Holder) (*Status, error) {
	s := &Status{Time: time.Now().UTC().Truncate(time.Second), Holder: holder, Colors: []ColorStatus{}}
	entries, err := c.Journal.Entries()
	if err != nil {
		return nil, err
	}
	s.Rollout = Fold(entries)
	see := func(what string, err error) {
		if err != nil {
			s.Problems = append(s.Problems, fmt.Sprintf("%s: %v", what, err))
		}
	}
	pace := c.Pace.withDefaults()
	seen := false
	_ = within(ctx, pace.Patience, func(ctx context.Context) error {
		s.File, err = c.Stacks.Traffic(ctx)
		see("stack file", err)
		s.Records, err = c.Cloud.Weights(ctx)
		see("records", err)
		seen = err == nil
		s.Out, err = c.Cloud.Out(ctx)
		see("health checks", err)
		s.SwitchedBack, err = c.Cloud.SwitchedBack(ctx)
		see("refused digest", err)
		return nil
	})
	for _, name := range colors {
		state := ColorStatus{Name: name}
		err := within(ctx, pace.Patience, func(ctx context.Context) error {
			var errs [3]error
			state.Release, errs[0] = c.Stacks.Release(ctx, name)
			state.State, errs[1] = c.Cloud.Color(ctx, name)
			state.Requests, errs[2] = c.Cloud.Requests(ctx, name, pace.Window)
			return errors.Join(errs[:]...)
		})
		see(name, err)
		state.Seen = err == nil
		s.Colors = append(s.Colors, state)
	}
	s.explain(seen)
	return s, nil
}

func (s *Status) explain(seen bool) {
	say := func(format string, args ...any) { s.Explanation = append(s.Explanation, fmt.Sprintf(format, args...)) }
	switch r := s.Rollout; {
	case s.Holder != nil:
		say("The traffic is being changed by %s.", s.Holder)
	case r.Unfinished():
		say("Nobody works on it now: go on with ops switch --resume, or put the weights back to %s with ops switch --abort.", r.target())
	}
	if s.Rollout != nil {
		say("%s.", s.Rollout.Explain())
	}
	if seen && !s.File.equal(s.Records) {
		say("codeflow:traffic is %s, but the records are %s: an update is missing, or somebody changed one of them.", s.File, s.Records)
	}
	for _, c := range s.Colors {
		if why := c.Requests.Unknown; why != "" {
			say("The requests of %q are not known: %s.", c.Name, why)
		}
	}
	for _, color := range s.Out {
		say("Route 53 leaves %q while another colour is healthy: its requests failed last.", color)
	}
	if s.SwitchedBack != nil {
		say("Digest %s of %q gets no traffic since %s: %s. Clear it with ops unblock.", short(s.SwitchedBack.Digest), s.SwitchedBack.Color,
			s.SwitchedBack.Time.Local().Format(time.DateTime), s.SwitchedBack.Reason)
	}
}

// WriteText writes the status for people.
func (s *Status) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "color\tweight\tdigest\truns\ttasks\ttargets\trequests/s\t5xx\tp95\talarms")
	for _, c := range s.Colors {
		weight := "-"
		if value, ok := s.Records[c.Name]; ok {
			weight = fmt.Sprint(value)
		}
		if !c.Seen {
			fmt.Fprintf(w, "%s\t%s\tcannot be seen\n", c.Name, weight)
			continue
		}
		requests := fmt.Sprintf("%.1f\t%.2f %%\t%s", c.Requests.PerSecond(), 100*c.Requests.ErrorRate(), c.Requests.P95.Round(time.Millisecond))
		if c.Requests.Unknown != "" {
			requests = "unknown\tunknown\tunknown"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d/%d\t%d/%d\t%s\t%s\n", c.Name, weight, short(c.Release.Digest), orNothing(c.State.Digests),
			c.State.Running, c.State.Desired, c.State.Targets.Healthy, c.State.Targets.Total(), requests, strings.Join(c.State.Alarms, ", "))
	}
	for _, line := range slices.Concat(s.Explanation, s.Problems) {
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}
