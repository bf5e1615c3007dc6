package observability

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// level is a level of the guide's escalation matrix.
type level struct {
	who     string
	minutes int // to respond in
}

var levels = [...]level{
	{"the on-call engineer", 15},
	{"the engineering team lead", 30},
	{"the full engineering team", 60},
}

// Levels is how many levels, and so topics, the escalation has.
const Levels = len(levels)

// toldAfter is how many minutes pass before a level is told: those that the
// levels before it have to respond in.
func toldAfter(n int) (minutes int) {
	for _, l := range levels[:n] {
		minutes += l.minutes
	}
	return minutes
}

// extension is for how many seconds an acknowledgement outlasts its alarm.
const extension = 60

// acknowledged rings for an hour after somebody took responsibility for the
// alarms with the prefix.
func acknowledged(prefix string) alarm {
	return alarm{
		name: "acknowledged", description: "Somebody works on it: the escalation is silent for an hour", severity: acknowledge,
		metrics: []metric{{"acknowledged", namespace, "Acknowledged", "Maximum", pulumi.StringMap{
			"Alarms": pulumi.String(strings.TrimSuffix(prefix, "-")),
		}}},
		comparison: above, threshold: 0, period: 3600, datapoints: 1, periods: 1,
		missing: notBreaching, why: "there is a value only when somebody acknowledges",
	}
}

// channel is where the alarms of one region go.
type channel struct {
	names  naming.Color
	topics []pulumi.StringInput // none, or one for each level
	opts   []pulumi.ResourceOption
}

func (c *channel) actions(level int) pulumi.Array {
	if len(c.topics) == 0 {
		return nil
	}
	return pulumi.Array{c.topics[level]}
}

// ringing is an alarm that exists, for the rule of a composite one.
type ringing struct {
	awsName  string
	resource *cloudwatch.MetricAlarm
}

// alarms registers the rows; only those that notify have actions of their own.
func (c *channel) alarms(
	ctx *pulumi.Context, name string, rows []alarm, awsName func(*alarm) string,
) (map[severity][]ringing, error) {
	rung := map[severity][]ringing{}
	for i := range rows {
		row := &rows[i]
		var actions pulumi.Array
		if row.severity == notify {
			actions = c.actions(0)
		}
		created, err := newAlarm(ctx, name, awsName(row), row, actions, c.opts...)
		if err != nil {
			return nil, err
		}
		rung[row.severity] = append(rung[row.severity], ringing{awsName(row), created})
	}
	return rung, nil
}

// pages registers a composite alarm for each level. The later levels are told
// only that it began: when it ends in their wait, they hear nothing at all.
func (c *channel) pages(ctx *pulumi.Context, name string, of []ringing, acknowledged ringing) error {
	for i, l := range levels {
		suffix := fmt.Sprintf("page-%d", i+1)
		args := &cloudwatch.CompositeAlarmArgs{
			AlarmName: pulumi.String(c.names.Alarm(suffix)),
			AlarmDescription: pulumi.String(fmt.Sprintf("Tells %s after %d minutes, to respond within %d. Acknowledge: Acknowledged=1 in namespace %s, Alarms=%s.",
				l.who, toldAfter(i), l.minutes, namespace, strings.TrimSuffix(c.names.Alarm(""), "-"))),
		}
		for _, action := range c.actions(i) {
			args.AlarmActions = pulumi.StringArray{action.(pulumi.StringInput)}
		}
		opts := c.opts
		if i == 0 {
			args.OkActions = args.AlarmActions
		} else {
			args.ActionsSuppressor = &cloudwatch.CompositeAlarmActionsSuppressorArgs{
				Alarm:      pulumi.String(acknowledged.awsName),
				WaitPeriod: pulumi.Int(60 * toldAfter(i)), ExtensionPeriod: pulumi.Int(extension),
			}
			opts = append([]pulumi.ResourceOption{pulumi.DependsOn([]pulumi.Resource{acknowledged.resource})}, opts...)
		}
		if _, err := newComposite(ctx, name+"-"+suffix, args, of, opts...); err != nil {
			return err
		}
	}
	return nil
}

// newComposite registers an alarm that rings when one of the others does.
func newComposite(
	ctx *pulumi.Context, name string, args *cloudwatch.CompositeAlarmArgs, of []ringing, opts ...pulumi.ResourceOption,
) (*cloudwatch.CompositeAlarm, error) {
	rule, needs := make([]string, len(of)), make([]pulumi.Resource, len(of))
	for i, r := range of {
		rule[i], needs[i] = fmt.Sprintf("ALARM(%q)", r.awsName), r.resource
	}
	args.AlarmRule = pulumi.String(strings.Join(rule, " OR "))
	created, err := cloudwatch.NewCompositeAlarm(ctx, name, args, append([]pulumi.ResourceOption{pulumi.DependsOn(needs)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("creating composite alarm %q: %w", name, err)
	}
	return created, nil
}
