// Package aws is the traffic controller's view of an AWS account.
//
// Start with [New].
package aws

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Settings say whose account it is.
type Settings struct {
	Project     string // start of every name, for example "codeflow". Required.
	Environment string // for example "prod". Required.
	Domain      string // whose live.<domain> has the records. Required for them.
	// ZoneName is the name of the public hosted zone that has the records. Default:
	// Domain.
	ZoneName string
	// Zone returns the id of the hosted zone. Default: it is looked up by its name.
	Zone func(ctx context.Context) (string, error)
	// Minute is how long one of the account's minutes takes, by which metrics are
	// counted. Default: a minute.
	Minute time.Duration
}

// Cloud implements [ops.Cloud].
type Cloud struct {
	settings  Settings
	services  *ecs.Client
	balancers *elasticloadbalancingv2.Client
	metrics   *cloudwatch.Client
	names     *route53.Client
	values    *ssm.Client

	mu     sync.Mutex
	zoneID string // once it is known
}

var _ ops.Cloud = (*Cloud)(nil)

// New returns the account that the config leads to.
func New(cfg aws.Config, settings Settings) *Cloud {
	settings.Minute = cmp.Or(settings.Minute, time.Minute)
	settings.ZoneName = cmp.Or(settings.ZoneName, settings.Domain)
	c := &Cloud{
		settings: settings, services: ecs.NewFromConfig(cfg), balancers: elasticloadbalancingv2.NewFromConfig(cfg),
		metrics: cloudwatch.NewFromConfig(cfg), names: route53.NewFromConfig(cfg), values: ssm.NewFromConfig(cfg),
	}
	if c.settings.Zone == nil {
		c.settings.Zone = c.zone
	}
	return c
}

func (c *Cloud) color(name string) naming.Color {
	return naming.Color{Project: c.settings.Project, Color: name}
}

// Color implements [ops.Cloud].
func (c *Cloud) Color(ctx context.Context, color string) (ops.Color, error) {
	names := c.color(color)
	state, behind, err := c.service(ctx, names)
	if err == nil {
		state.Digests, err = c.digests(ctx, names, aws.ToString(behind.ContainerName))
	}
	if err == nil {
		state.Targets, err = c.targets(ctx, aws.ToString(behind.TargetGroupArn))
	}
	if err == nil {
		state.Alarms, err = c.alarms(ctx, names)
	}
	if err != nil {
		return ops.Color{}, fmt.Errorf("looking at colour %q: %w", color, err)
	}
	return state, nil
}

// Requests implements [ops.Cloud]. The window is rounded up to minutes.
func (c *Cloud) Requests(ctx context.Context, color string, window time.Duration) (ops.Requests, error) {
	requests, err := c.requests(ctx, c.color(color), window)
	if err != nil {
		return ops.Requests{}, fmt.Errorf("reading requests of colour %q: %w", color, err)
	}
	return requests, nil
}
