package scheduler

import (
	"math"
	"time"
)

// The alarms that target tracking makes: out after three minutes above the
// target, in after fifteen minutes below nine tenths of it. Metrics have one
// value a minute.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
const (
	evaluation         = 60 // seconds
	minutesAbove       = 3
	minutesBelow       = 15
	belowTargetPortion = 0.9
)

// tracker follows a metric with the number of tasks.
type tracker struct {
	next         time.Time // when the next value is due.
	above, below int
	out, in      time.Time // when it last scaled.
}

// observe takes a minute's value and returns the count that it calls for: as
// many as the metric asks when it scales out, one less when it scales in, which
// AWS does "more gradually".
func (t *tracker) observe(now time.Time, c *Scaling, value float64, current int, mayScaleIn bool, seconds func(int) time.Duration) int {
	t.above, t.below = t.above+1, t.below+1
	if value <= c.TargetValue {
		t.above = 0
	}
	if value >= c.TargetValue*belowTargetPortion {
		t.below = 0
	}
	switch {
	case t.above >= minutesAbove && !now.Before(t.out.Add(seconds(c.ScaleOutCooldown))):
		if wanted := min(c.MaxCapacity, int(math.Ceil(float64(current)*value/c.TargetValue))); wanted > current {
			t.out = now
			return wanted
		}
	case t.below >= minutesBelow && mayScaleIn && current > c.MinCapacity && !now.Before(t.in.Add(seconds(c.ScaleInCooldown))) &&
		!now.Before(t.out.Add(seconds(c.ScaleInCooldown))):
		t.in = now
		return current - 1
	}
	return current
}

// track scales the service by its requests, once a minute. Without requests
// there is no value, which is no reason to scale in; nor is it done during a
// deployment.
func (v *service) track(now time.Time) {
	if v.spec.Scaling == nil || len(v.spec.LoadBalancers) == 0 || now.Before(v.tracker.next) {
		return
	}
	first := v.tracker.next.IsZero()
	v.tracker.next = now.Add(v.seconds(evaluation))
	series := v.scheduler.opts.Targets.Series(v.spec.LoadBalancers[0].TargetGroupARN, evaluation, 1)
	if first || len(series) == 0 || series[0].RequestCount == 0 {
		v.tracker.above, v.tracker.below = 0, 0
		return
	}
	perTarget := float64(series[0].RequestCount) / float64(max(1, series[0].HealthyHostCount))
	wanted := v.tracker.observe(now, v.spec.Scaling, perTarget, v.desired, v.deployments[0].state == Completed, v.seconds)
	if wanted != v.desired {
		v.event(now, "(service %s) desired count changed from %d to %d: %.0f requests per target and minute, target %.0f.",
			v.spec.Name, v.desired, wanted, perTarget, v.spec.Scaling.TargetValue)
		v.desired = wanted
	}
}
