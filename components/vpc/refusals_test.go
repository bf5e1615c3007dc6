// These tests do not prove that AWS would refuse the arguments.
package vpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		`use a VPC of /17`:                                                                         bad(func(a *vpc.Args) { a.CIDR, a.Zones = "10.0.0.0/18", 2 }),
		`NAT must be one of [None Single OnePerAz], got "single"`:                                  bad(func(a *vpc.Args) { a.NAT = "single" }),
		`Endpoints must be of [ecr.api ecr.dkr kms logs secretsmanager ssm ecs ecs-agent ecs-telemetry ssmmessages], got "ecr"`: bad(
			func(a *vpc.Args) { a.Endpoints = []string{"ecr"} }),
		`LogRetentionDays must be at least 1, got -1`: bad(func(a *vpc.Args) { a.LogRetentionDays = -1 }),
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

func TestErrors(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), nil))
	for _, child := range r.Children() {
		if strings.Contains(child, routeTableType) {
			continue
		}
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			err := newRecorder().Run(true, program(minimal(), nil, refuse(child)))
			require.Error(t, err)
			assert.Regexp(t, `(registering|creating) .*"net`, err.Error())
		})
	}
	t.Run("account", func(t *testing.T) {
		t.Parallel()
		r := newRecorder()
		r.Calls[callerIdentity] = func(resource.PropertyMap) (resource.PropertyMap, error) {
			return nil, errors.New("no credentials")
		}
		assert.ErrorContains(t, r.Run(true, program(minimal(), nil)), `reading the account of flow log "net-flow"`)
	})
}

// refuse makes the registration of the child ("parent/type name") fail: the SDK
// does not let a transformation change a resource's parent.
func refuse(child string) pulumi.ResourceOption {
	return pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			if !strings.HasSuffix(child, "/"+args.Type+" "+args.Name) {
				return nil
			}
			return &pulumi.ResourceTransformationResult{Opts: []pulumi.ResourceOption{pulumi.Parent(args.Resource)}}
		},
	})
}
