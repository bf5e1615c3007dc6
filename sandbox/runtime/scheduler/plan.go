package scheduler

import (
	"cmp"
	"slices"
)

// candidate is a task as the decision sees it; tasks that are being stopped are
// not among them.
type candidate struct {
	id   string
	zone string
	// primary belongs to the deployment that is to stay.
	primary bool
	// healthy has passed all its checks; unhealthy has failed one. A task that is
	// starting is neither.
	healthy, unhealthy bool
}

// plan is what to do next.
type plan struct {
	start      int // tasks of the primary deployment.
	startOld   int // tasks of the one before, to make up for those that ended.
	stop       []string
	cannotMove bool // the percentages let nothing start or stop.
}

// bounds of the tasks of a service.
type bounds struct {
	desired                        int
	minimumPercent, maximumPercent int
	rolling                        bool // an earlier version is being replaced.
}

// decide says how to get closer to the desired count of healthy tasks of the
// primary deployment, between the least and the greatest number of tasks that
// the percentages allow.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
func decide(b bounds, tasks []candidate) plan {
	lower, upper := (b.desired*b.minimumPercent+99)/100, b.desired*b.maximumPercent/100
	var newGood, newHealthy, oldGood, healthy, starting int
	for _, t := range tasks {
		switch {
		case t.unhealthy:
		case t.primary:
			newGood++
		default:
			oldGood++
		}
		switch {
		case t.healthy && t.primary:
			newHealthy++
			healthy++
		case t.healthy:
			healthy++
		case !t.unhealthy:
			starting++
		}
	}
	room := max(0, upper-len(tasks))
	needed := max(0, b.desired-newGood)
	var p plan
	// Tasks of the version that runs are replaced by that version, whatever
	// becomes of the new one.
	// https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
	if b.rolling {
		p.startOld = min(room, max(0, lower-newHealthy-oldGood))
	}
	p.start = min(room-p.startOld, needed)

	// Tasks are stopped down to the minimum only to make room for new ones.
	keep := b.desired
	if needed > p.start {
		keep = lower
	}
	p.stop = append(p.stop, surplus(tasks, func(t candidate) bool { return !t.primary && !t.unhealthy }, newHealthy+oldGood-keep)...)
	p.stop = append(p.stop, surplus(tasks, func(t candidate) bool { return t.primary && !t.unhealthy }, newGood-b.desired)...)
	p.stop = append(p.stop, replaced(tasks, healthy >= b.desired, needed > 0 && room == 0)...)
	p.cannotMove = needed > 0 && room == 0 && starting == 0 && len(p.stop) == 0
	return p
}

// surplus picks tasks to stop: those that are not healthy yet, then of the zone
// that has most.
func surplus(tasks []candidate, of func(candidate) bool, n int) (stop []string) {
	zones := map[string]int{}
	var left []candidate
	for _, t := range tasks {
		if of(t) {
			left = append(left, t)
			zones[t.zone]++
		}
	}
	for ; n > 0 && len(left) > 0; n-- {
		rank := func(t candidate) int {
			if !t.healthy {
				return len(tasks) + 1
			}
			return zones[t.zone]
		}
		next := slices.MaxFunc(left, func(a, b candidate) int { return cmp.Compare(rank(a), rank(b)) })
		stop = append(stop, next.id)
		zones[next.zone]--
		left = slices.DeleteFunc(left, func(t candidate) bool { return t.id == next.id })
	}
	return stop
}

// replaced are the unhealthy tasks whose replacements are healthy; if none can
// be started, one has to go first.
// https://aws.amazon.com/blogs/containers/a-deep-dive-into-amazon-ecs-task-health-and-task-replacement/
func replaced(tasks []candidate, enough, stuck bool) (stop []string) {
	for _, t := range tasks {
		if t.unhealthy && (enough || stuck && len(stop) == 0) {
			stop = append(stop, t.id)
		}
	}
	return stop
}
