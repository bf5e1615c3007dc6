package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// rings reports whether an alarm is in ALARM. The runtime asks during deployments.
func (a *Account) rings(name string) bool {
	r := a.find("cloudwatch/metricAlarm", "name", name)
	return r != nil && a.inAlarm(r)
}

// ringing lists the alarms in ALARM whose names begin with a prefix, sorted.
func (a *Account) ringing(prefix string) []string {
	names := []string{}
	for _, r := range a.each("cloudwatch/metricAlarm") {
		if name := textOf(r, "name"); strings.HasPrefix(name, prefix) && a.inAlarm(r) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (a *Account) inAlarm(r *cloud.Resource) bool {
	var spec alarm.Alarm
	state, _, err := alarm.State(""), "", decode(r, &spec)
	if err == nil {
		state, _, err = alarm.Evaluate(spec, alarm.Namespaces{
			alarm.LoadBalancerNamespace: alarm.LoadBalancerSource{Balancers: a.Runtime.Balancers, Groups: a.groupsOf},
		})
	}
	if err != nil && a.once("alarm "+spec.Name) {
		fmt.Fprintf(a.opts.Out, "alarm %q never rings here: %v\n", spec.Name, err)
	}
	return state == alarm.StateAlarm
}

// groupsOf are the target groups of a load balancer, by the end of its ARN.
func (a *Account) groupsOf(suffix string) (arns []string) {
	r := a.find("lb/loadBalancer", "arnSuffix", suffix)
	if r == nil {
		return nil
	}
	listeners, _ := a.listeners(r.ID) // one that cannot be read does not run.
	for _, l := range listeners {
		if group := l.DefaultAction.TargetGroupARN; group != "" && !slices.Contains(arns, group) {
			arns = append(arns, group)
		}
	}
	return arns
}
