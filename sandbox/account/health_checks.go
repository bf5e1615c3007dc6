package account

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// healthChecks are those of Route 53 that are unhealthy, by ID.
type healthChecks struct {
	mu        sync.Mutex
	unhealthy map[string]bool
}

// healthy reports the last status of a health check. One that is new is healthy.
func (h *healthChecks) healthy(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.unhealthy[id]
}

// Series implements [alarm.Source]: 1 of what is healthy, in all of the past too.
func (h *healthChecks) Series(m alarm.Metric, count int) ([]*float64, error) {
	status := 0.0
	if h.healthy(m.Dimensions["HealthCheckId"]) {
		status = 1
	}
	return slices.Repeat([]*float64{&status}, count), nil
}

// followHealthChecks evaluates the health checks on alarms. Route 53 looks at the
// alarm's metric itself and not at its state, so what the alarm makes of missing
// data does not matter.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-creating-values.html
func (a *Account) followHealthChecks() {
	unhealthy := map[string]bool{}
	for _, r := range a.each("route53/healthCheck") {
		var check struct {
			Type, CloudwatchAlarmName, InsufficientDataHealthStatus string
			Disabled                                                bool
		}
		if err := decode(r, &check); err != nil || check.Type != "CLOUDWATCH_METRIC" {
			continue
		}
		var spec alarm.Alarm
		state, err := alarm.StateInsufficientData, error(nil)
		if r := a.find(metricAlarm, "name", check.CloudwatchAlarmName); r != nil {
			if err = decode(r, &spec); err == nil {
				spec.TreatMissingData = "missing"
				state, _, err = alarm.Evaluate(spec, a.metrics)
			}
		}
		if err != nil && a.once("health check "+r.ID) {
			fmt.Fprintf(a.opts.Out, "health check %q never changes here: %v\n", r.ID, err)
		}
		if a.isUnhealthy(r.ID, state, cmp.Or(check.InsufficientDataHealthStatus, "LastKnownStatus")) && !check.Disabled {
			unhealthy[r.ID] = true
		}
	}
	a.healthChecks.mu.Lock()
	defer a.healthChecks.mu.Unlock()
	a.healthChecks.unhealthy = unhealthy
}

func (a *Account) isUnhealthy(id string, state alarm.State, insufficient string) bool {
	switch {
	case state == alarm.StateAlarm:
		return true
	case state == alarm.StateOK:
		return false
	case insufficient == "LastKnownStatus":
		return !a.healthChecks.healthy(id)
	}
	return insufficient == "Unhealthy"
}
