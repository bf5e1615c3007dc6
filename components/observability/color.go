package observability

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// ColorType is the type token of a [Color].
const ColorType = "codeflow:observability:Color"

// ColorArgs configures a [Color].
type ColorArgs struct {
	// Names of the alarms. Required; a change replaces all of them.
	Names naming.Color
	// ClusterName and ServiceName, the dimensions of ECS. Required; in place. The
	// cluster must have Container Insights.
	ClusterName, ServiceName pulumi.StringInput
	// LoadBalancer and TargetGroup are ARN suffixes ("app/…", "targetgroup/…"),
	// the dimensions of the load balancer. Required; in place.
	LoadBalancer, TargetGroup pulumi.StringInput
	// LogGroupName is the group of the server's log. It must exist, so take it from
	// an output. Required; a change replaces the metric filters and
	// updates the saved queries in place.
	LogGroupName pulumi.StringInput
	// Topics are the ARNs of [Platform.Topics]. Optional; default none: the alarms
	// ring and tell nobody, and a failed deployment is not told. In place.
	Topics []pulumi.StringInput
}

// info names what does not blame the colour.
func (a *ColorArgs) info() naming.Color { return informs(a.Names.Project, a.Names.Color) }

// informs names alarms outside of the prefix that ops takes for blame.
func informs(project, of string) naming.Color {
	return naming.Color{Project: project + "-" + infoPrefix, Color: of}
}

const infoPrefix = "info"

// named is how an alarm of the colour is named: with its prefix those that blame it.
func (a *ColorArgs) named(of *alarm) naming.Color {
	if of.severity == guard {
		return a.Names
	}
	return a.info()
}

func (a *ColorArgs) validate() error {
	errs := a.Names.Check()
	if c := a.Names.Color; c == infoPrefix || strings.HasPrefix(c, infoPrefix+"-") {
		errs = append(errs, fmt.Errorf("the color cannot be %q: names of alarms that blame no color begin so", c))
	}
	if a.ClusterName == nil || a.ServiceName == nil || a.LoadBalancer == nil || a.TargetGroup == nil || a.LogGroupName == nil {
		errs = append(errs, errors.New("ClusterName, ServiceName, LoadBalancer, TargetGroup and LogGroupName are required"))
	}
	if n := len(a.Topics); n != 0 && n != len(levels) {
		errs = append(errs, fmt.Errorf("Topics must be none or one for each of %d levels, got %d", len(levels), n))
	}
	return errors.Join(errs...)
}

// Color is the alarms and saved queries of one colour.
type Color struct {
	pulumi.ResourceState

	// Guard is the name of the composite alarm that rings when the traffic should
	// leave the colour.
	Guard pulumi.StringOutput
	// Failing is the alarm on one metric that a health check of Route 53 can follow.
	Failing FailingAlarm
}

// FailingAlarm is an alarm and what it says: a health check of Route 53 keeps what
// the alarm said when the check was last updated.
type FailingAlarm struct {
	Name  pulumi.StringOutput
	Terms string
}

// NewColor registers the alarms of a colour, named name.
func NewColor(ctx *pulumi.Context, name string, args *ColorArgs, opts ...pulumi.ResourceOption) (*Color, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("alarms of color %q: %w", name, err)
	}
	c := &Color{}
	if err := ctx.RegisterComponentResourceV2(ColorType, name, pulumi.Map{
		"color": pulumi.String(args.Names.Color),
	}, c, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", ColorType, name, err)
	}
	child := pulumi.Parent(c)
	if err := newFilters(ctx, name, filters, args.LogGroupName, child); err != nil {
		return nil, err
	}
	if err := newDeploymentFailed(ctx, name, args, child); err != nil {
		return nil, err
	}
	if err := newQueries(ctx, name, args.Names.Project+"/"+args.Names.Color, serverQueries, args.LogGroupName, child); err != nil {
		return nil, err
	}
	tell := channel{names: args.info(), topics: args.Topics, opts: []pulumi.ResourceOption{child}}
	rung, err := tell.alarms(ctx, name, args.table(), func(a *alarm) string { return args.named(a).Alarm(a.name) })
	if err != nil {
		return nil, err
	}
	composite, err := newComposite(ctx, name+"-guard", &cloudwatch.CompositeAlarmArgs{
		AlarmName: pulumi.String(args.Names.Alarm("guard")),
		AlarmDescription: pulumi.String(fmt.Sprintf("The traffic should leave %s: it is slow, fails, or lacks healthy tasks.",
			args.Names.Color)),
	}, rung[guard], child)
	if err != nil {
		return nil, err
	}
	if err := tell.pages(ctx, name, slices.Concat(rung[guard], rung[page]), rung[acknowledge][0]); err != nil {
		return nil, err
	}

	row := args.failing()
	at := slices.IndexFunc(rung[guard], func(r ringing) bool { return r.awsName == args.Names.Alarm(row.name) })
	c.Guard, c.Failing = composite.AlarmName, FailingAlarm{rung[guard][at].resource.Name, row.terms()}
	if err := ctx.RegisterResourceOutputs(c, pulumi.Map{"guard": c.Guard}); err != nil {
		return nil, fmt.Errorf("registering outputs of the alarms of color %q: %w", name, err)
	}
	return c, nil
}

// newFilters counts the lines of a log that match.
func newFilters(ctx *pulumi.Context, name string, rows []filter, group pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	for _, f := range rows {
		counted := &cloudwatch.LogMetricFilterMetricTransformationArgs{
			Namespace: pulumi.String(namespace), Name: pulumi.String(f.metric), Value: pulumi.String("1"),
		}
		if f.byColor {
			// AWS allows no default value beside dimensions.
			counted.Dimensions = pulumi.StringMap{"Color": pulumi.String("$.color")}
		}
		if _, err := cloudwatch.NewLogMetricFilter(ctx, name+"-"+f.name, &cloudwatch.LogMetricFilterArgs{
			Name: pulumi.String(f.name), LogGroupName: group, Pattern: pulumi.String(f.pattern), MetricTransformation: counted,
		}, opts...); err != nil {
			return fmt.Errorf("creating metric filter %q of %q: %w", f.name, name, err)
		}
	}
	return nil
}
