package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
)

// Ops is the account as the traffic controller sees it. All is required. A window of
// requests is real time.
type Ops struct {
	*Account

	// Platform's names, its region, and the domain whose live.<domain> has the weights.
	Platform naming.Platform
	Region   string
	Domain   string
}

var _ ops.Cloud = (*Ops)(nil)

// service returns a colour's service, as it runs, and its target group.
func (o *Ops) service(color string) (*scheduler.ServiceStatus, *balancer.GroupStatus, error) {
	name := naming.Color{Project: o.Platform.Project, Color: color}.Service()
	service := o.find("ecs/service", "name", name)
	var spec struct{ LoadBalancers []scheduler.LoadBalancer }
	if service != nil {
		if err := decode(service, &spec); err != nil {
			return nil, nil, err
		}
	}
	status := o.status(name)
	if status == nil || len(spec.LoadBalancers) != 1 {
		return nil, nil, fmt.Errorf("colour %q: no service %q with one target group runs: bring it up with up --stack %s, and see the command run", color, name, color)
	}
	_, groups := o.Runtime.Balancers.Status()
	i := slices.IndexFunc(groups, func(g balancer.GroupStatus) bool { return g.ARN == spec.LoadBalancers[0].TargetGroupARN })
	if i < 0 {
		return nil, nil, fmt.Errorf("colour %q: target group %q does not run", color, spec.LoadBalancers[0].TargetGroupARN)
	}
	return status, &groups[i], nil
}

// Color implements [ops.Cloud].
func (o *Ops) Color(_ context.Context, color string) (ops.Color, error) {
	service, group, err := o.service(color)
	if err != nil {
		return ops.Color{}, err
	}
	state := ops.Color{
		Desired: service.DesiredCount, Running: service.RunningCount, TaskDefinition: service.TaskDefinition,
		Deploying: len(service.Deployments) > 1 || service.Deployments[0].RolloutState == scheduler.InProgress,
		Alarms:    o.ringing(naming.Color{Project: o.Platform.Project, Color: color}.Alarm("")),
	}
	for _, task := range service.Tasks {
		if _, digest, _ := strings.Cut(task.Image, "@"); task.LastStatus == scheduler.Running {
			state.Digests = append(state.Digests, digest)
		}
	}
	slices.Sort(state.Digests)
	state.Digests = slices.Compact(state.Digests)
	for _, target := range group.Targets {
		switch target.State {
		case balancer.Healthy:
			state.Targets.Healthy++
		case balancer.Unhealthy:
			state.Targets.Unhealthy++
		case balancer.Initial:
			state.Targets.Starting++
		}
	}
	return state, nil
}

// Requests implements [ops.Cloud].
func (o *Ops) Requests(_ context.Context, color string, window time.Duration) (ops.Requests, error) {
	_, group, err := o.service(color)
	if err != nil {
		return ops.Requests{}, err
	}
	each := o.opts.TimeScale.Seconds(60)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	var minutes []ops.Minute
	for _, m := range o.Runtime.Balancers.Series(group.ARN, 60, max(1, int(math.Ceil(float64(window)/float64(each))))) {
		minutes = append(minutes, ops.Minute{
			Start: m.Start, Count: m.RequestCount, Errors: m.HTTPCodeTarget5XX + m.HTTPCodeELB5XX,
			P50: seconds(m.TargetResponseTimeP50), P95: seconds(m.TargetResponseTimeP95), P99: seconds(m.TargetResponseTimeP99),
		})
	}
	return ops.Sum(minutes, each), nil
}

// SetWeights implements [ops.Cloud]. The engine's provider is the only one here that
// changes records.
func (o *Ops) SetWeights(context.Context, ops.Weights, ops.Weights) error {
	return fmt.Errorf("changing records: %w", errors.ErrUnsupported)
}

// Scale implements [ops.Cloud].
func (o *Ops) Scale(context.Context, string, int) error {
	return fmt.Errorf("scaling a service: %w", errors.ErrUnsupported)
}

// Weights implements [ops.Cloud].
func (o *Ops) Weights(context.Context) (ops.Weights, error) {
	if o.Runtime == nil {
		return nil, ErrNothingRuns
	}
	weights := ops.Weights{}
	for _, r := range o.Runtime.Zone.Records() {
		if r.Name == naming.LiveDomain(o.Domain) && r.Weight != nil {
			weights[r.SetIdentifier] = *r.Weight
		}
	}
	return weights, nil
}

const parameterType = "aws:ssm/parameter:Parameter"

// SwitchedBack implements [ops.Cloud].
func (o *Ops) SwitchedBack(context.Context) (*ops.SwitchedBack, error) {
	parameter, ok := o.Cloud.Store().Get(parameterType, o.Region, o.Platform.SwitchedBack())
	if !ok {
		return nil, nil
	}
	s := &ops.SwitchedBack{}
	if err := json.Unmarshal([]byte(textOf(parameter, "value")), s); err != nil {
		return nil, fmt.Errorf("reading parameter %q: %w", o.Platform.SwitchedBack(), err)
	}
	return s, nil
}

// SetSwitchedBack implements [ops.Cloud].
func (o *Ops) SetSwitchedBack(_ context.Context, s *ops.SwitchedBack) error {
	if s == nil {
		return o.Cloud.Store().Delete(parameterType, o.Region, o.Platform.SwitchedBack())
	}
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	properties := map[string]any{"name": o.Platform.SwitchedBack(), "type": "String", "value": string(value)}
	return o.Cloud.Store().Put(&cloud.Resource{
		Type: parameterType, ID: o.Platform.SwitchedBack(), Region: o.Region, Inputs: properties, Outputs: properties,
	})
}

// Deploy implements [ops.Cloud].
func (o *Ops) Deploy(_ context.Context, color, taskDefinition string) error {
	name := naming.Color{Project: o.Platform.Project, Color: color}.Service()
	service := o.find("ecs/service", "name", name)
	if service == nil {
		return fmt.Errorf("deploying to colour %q: ServiceNotFoundException: there is no service %q", color, name)
	}
	return o.deploy(service, taskDefinition)
}
