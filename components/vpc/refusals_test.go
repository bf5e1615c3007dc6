// These tests do not prove that AWS would refuse the arguments.
package vpc_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
)

func TestBadArgs(t *testing.T) {
	t.Parallel()
	bad := func(change func(*vpc.Args)) vpc.Args {
		args := minimal()
		change(&args)
		return args
	}
	for want, args := range map[string]vpc.Args{
		`must be an IPv4 network, got "": give one such as "10.0.0.0/16"` + "\nRegion is required": {},
		`number of zones must be 2 to 6, got 7`:                                                    bad(func(a *vpc.Args) { a.Zones = 7 }),
		`use a VPC of /16`:                                                                         bad(func(a *vpc.Args) { a.CIDR, a.Zones = "10.0.0.0/18", 2 }),
		`NAT must be one of [None Single OnePerAz], got "single"`:                                  bad(func(a *vpc.Args) { a.NAT = "single" }),
		`Endpoints must be of [ecr.api ecr.dkr kms logs secretsmanager ssm ecs ecs-agent ecs-telemetry ssmmessages xray], got "ecr"`: bad(
			func(a *vpc.Args) { a.Endpoints = []string{"ecr"} }),
		`log retention must be one of CloudWatch's`: bad(func(a *vpc.Args) { a.LogRetentionDays = -1 }),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			assert.ErrorContains(t, r.Run(true, func(ctx *pulumi.Context) error {
				_, err := vpc.New(ctx, "net", &args)
				return err
			}), want)
			assert.Empty(t, r.Children())
		})
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return program(minimal(), nil, opts...) }, routeTableType)
	r := newRecorder()
	delete(r.Calls, callerIdentity)
	assert.ErrorContains(t, r.Run(true, program(minimal(), nil)), `reading the account of flow log "net-flow"`)
}
