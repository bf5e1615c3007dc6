package ops

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// headroom is how much more a target may get than a target of the old colour
// bears now.
const headroom = 1.25

// bearable is how many requests per second a target of the new colour may get: the
// load that a target bears in any case, or a quarter more than what a target of
// the old colour, under the same load, bears now.
func (t Thresholds) bearable(old Color, requests Requests) float64 {
	if old.Targets.Healthy == 0 {
		return t.Load
	}
	return max(t.Load, headroom*requests.PerSecond()/float64(old.Targets.Healthy))
}

// needed is how many healthy targets a load needs, in requests per second.
func needed(load, bearable float64) int {
	if bearable <= 0 {
		return 0
	}
	return int(math.Ceil(load / bearable))
}

// checkColor returns what keeps a colour from getting traffic.
func checkColor(name string, c Color, r Release) (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch {
	case r.Digest == "":
		add("%q is not up: run pulumi up -s %s", name, name)
	case r.Digest != r.SettledDigest || r.TaskDefinition != r.SettledTaskDefinition:
		add("%q is unsettled: its last deployment asked for %s, but ECS settled on %s: repair it with pulumi up --refresh -s %s",
			name, short(r.Digest), short(r.SettledDigest), name)
	case c.Deploying:
		add("%q is being deployed: wait until ECS is done (aws ecs wait services-stable)", name)
	case !slices.Equal(c.Digests, []string{r.Digest}):
		add("%q must run what its stack says, %s, got %s: run pulumi up --refresh -s %s", name, short(r.Digest), orNothing(c.Digests), name)
	}
	if c.Desired == 0 || c.Running != c.Desired || c.Targets.Healthy != c.Desired || c.Targets.Unhealthy > 0 {
		add("%q must be healthy, all targets of all tasks, got %d of %d tasks and %s: see its events (aws ecs describe-services) and bring it up again with pulumi up -s %s",
			name, c.Running, c.Desired, c.Targets, name)
	}
	return problems
}

func checkAlarms(name string, c Color) error {
	if len(c.Alarms) == 0 {
		return nil
	}
	return fmt.Errorf("alarms of %q ring already: %s: find out why and wait until they are quiet, "+
		"or set codeflow:traffic yourself and run pulumi up if the traffic must leave at once", name, strings.Join(c.Alarms, ", "))
}

// checkOut refuses a colour that Route 53 would leave at once. Without requests its
// health check keeps its last status.
func checkOut(name string, out []string) error {
	if !slices.Contains(out, name) {
		return nil
	}
	return fmt.Errorf("Route 53 leaves %q, whose requests failed last: when it works, send some to its own name for two minutes "+
		"(make smoke STACK=%s, not /health, which does not count), and its health check passes", name, name)
}

func checkSwitchedBack(name string, r Release, s *SwitchedBack) error {
	if s == nil || r.Digest == "" || s.Digest != r.Digest {
		return nil
	}
	return fmt.Errorf("digest %s of %q was switched back at %s (%s): bring up a release that works, or clear it with ops unblock",
		short(r.Digest), name, s.Time.Local().Format("2006-01-02 15:04"), s.Reason)
}

// checkWeights compares the stack file with the records.
func checkWeights(file, records Weights) error {
	if file.equal(records) {
		return nil
	}
	return fmt.Errorf("codeflow:traffic must be what the records are, %s, got %s: bring them together with pulumi up --refresh on the platform",
		records, file)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "no task"
	}
	return digests(list)
}
