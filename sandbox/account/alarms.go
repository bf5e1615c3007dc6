package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// rings reports whether an alarm is in ALARM. The runtime asks during deployments.
func (a *Account) rings(name string) bool { return a.alarmState(name, 0) == alarm.StateAlarm }

// ringing lists the alarms in ALARM whose names begin with a prefix, sorted.
func (a *Account) ringing(prefix string) []string {
	names := []string{}
	for _, r := range append(a.each("cloudwatch/metricAlarm"), a.each("cloudwatch/compositeAlarm")...) {
		name := cmp.Or(textOf(r, "alarmName"), textOf(r, "name"))
		if strings.HasPrefix(name, prefix) && a.rings(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// deepest is how many composite alarms may lead to a metric alarm.
const deepest = 8

// alarmState is the state of an alarm by its name, of one that does not exist none.
// So many composite alarms have led to it.
func (a *Account) alarmState(name string, depth int) alarm.State {
	state, err := a.evaluate(name, depth)
	if err != nil && a.once("alarm "+name) {
		fmt.Fprintf(a.opts.Out, "alarm %q never rings here: %v\n", name, err)
	}
	return state
}

func (a *Account) evaluate(name string, depth int) (alarm.State, error) {
	if depth > deepest {
		return "", fmt.Errorf("more than %d composite alarms lead to it", deepest)
	}
	if r := a.find("cloudwatch/compositeAlarm", "alarmName", name); r != nil {
		var spec alarm.Composite
		if err := decode(r, &spec); err != nil {
			return "", err
		}
		return alarm.EvaluateComposite(spec, func(child string) alarm.State { return a.alarmState(child, depth+1) })
	}
	r := a.find("cloudwatch/metricAlarm", "name", name)
	if r == nil {
		return "", nil
	}
	var spec alarm.Alarm
	if err := decode(r, &spec); err != nil {
		return "", err
	}
	state, _, err := alarm.Evaluate(spec, alarm.Namespaces{
		alarm.LoadBalancerNamespace: alarm.LoadBalancerSource{Balancers: a.Runtime.Balancers, Groups: a.groupsOf},
	})
	return state, err
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
