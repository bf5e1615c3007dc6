package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// The types of alarms.
const metricAlarm, compositeAlarm = "cloudwatch/metricAlarm", "cloudwatch/compositeAlarm"

// deepest is how many composite alarms may lead to a metric alarm.
const deepest = 8

// evaluation is the alarms at one moment, each evaluated once. It asks nothing of
// what runs but the load balancers.
type evaluation struct {
	account *Account
	known   map[string]alarm.State
	reasons map[string]string
}

func (a *Account) evaluation() *evaluation {
	return &evaluation{a, map[string]alarm.State{}, map[string]string{}}
}

// rings reports whether an alarm is in ALARM. The runtime asks during deployments.
func (a *Account) rings(name string) bool { return a.evaluation().state(name, 0) == alarm.StateAlarm }

// alarms are all that exist.
func (a *Account) alarms() []*cloud.Resource {
	return append(a.each(metricAlarm), a.each(compositeAlarm)...)
}

func nameOfAlarm(r *cloud.Resource) string { return cmp.Or(textOf(r, "alarmName"), textOf(r, "name")) }

// ringing lists the alarms in ALARM whose names begin with a prefix, sorted.
func (a *Account) ringing(prefix string) []string {
	names, now := []string{}, a.evaluation()
	for _, r := range a.alarms() {
		if name := nameOfAlarm(r); strings.HasPrefix(name, prefix) && now.state(name, 0) == alarm.StateAlarm {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// state is the state of an alarm by its name, of one that does not exist none. So
// many composite alarms have led to it.
func (e *evaluation) state(name string, depth int) alarm.State {
	if state, ok := e.known[name]; ok {
		return state
	}
	state, reason, err := e.evaluate(name, depth)
	if err != nil && e.account.once("alarm "+name) {
		fmt.Fprintf(e.account.opts.Out, "alarm %q never rings here: %v\n", name, err)
	}
	e.known[name], e.reasons[name] = state, reason
	return state
}

func (e *evaluation) evaluate(name string, depth int) (alarm.State, string, error) {
	if depth > deepest {
		return "", "", fmt.Errorf("more than %d composite alarms lead to it", deepest)
	}
	a := e.account
	if r := a.find(compositeAlarm, "alarmName", name); r != nil {
		var spec alarm.Composite
		if err := decode(r, &spec); err != nil {
			return "", "", err
		}
		state, err := alarm.EvaluateComposite(spec, func(child string) alarm.State { return e.state(child, depth+1) })
		return state, "", err
	}
	r := a.find(metricAlarm, "name", name)
	if r == nil {
		return "", "", nil
	}
	var spec alarm.Alarm
	if err := decode(r, &spec); err != nil {
		return "", "", err
	}
	spec.State = a.watch.State(name)
	return alarm.Evaluate(spec, a.metrics)
}

// followAlarms evaluates all alarms and takes the actions of those that change.
func (a *Account) followAlarms() {
	current := a.evaluation()
	var judged []alarm.Judged
	for _, r := range a.alarms() {
		j := alarm.Judged{Name: nameOfAlarm(r)}
		if err := decode(r, &j.Actions); err != nil {
			fmt.Fprintln(a.opts.Out, err)
		}
		if j.State = current.state(j.Name, 0); j.State != "" {
			j.Reason = current.reasons[j.Name]
			judged = append(judged, j)
		}
	}
	taken := a.watch.Update(time.Now(), judged)
	for i := range taken {
		if topic := a.find("sns/topic", "arn", taken[i].Action); topic != nil {
			taken[i].Level = textOf(topic, "displayName")
		}
	}
	a.watch.Note(taken)
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
