package loadbalancer_test

// The recorder proves what is registered, not that AWS accepts it.

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/loadbalancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

func args() *loadbalancer.Args {
	return &loadbalancer.Args{
		Name: "codeflow-blue", VpcID: pulumi.String("vpc-1"),
		SubnetIDs: pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}),
		LogBucket: pulumi.String("logs"), DeletionProtection: true,
	}
}

func program(args *loadbalancer.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := loadbalancer.New(ctx, "blue", args, opts...)
		return err
	}
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	a := args()
	a.HTTPS, a.CertificateARN = true, pulumi.String("arn:cert")
	r := &recorder.Recorder{}
	r.Both(t, program(a))

	assert.Equal(t, []string{
		"/codeflow:loadbalancer:LoadBalancer blue",
		"blue/aws:ec2/securityGroup:SecurityGroup blue-alb",
		"blue/aws:lb/listener:Listener blue-http",
		"blue/aws:lb/listener:Listener blue-https",
		"blue/aws:lb/loadBalancer:LoadBalancer blue",
		"blue/aws:lb/targetGroup:TargetGroup blue",
		"blue/aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule blue-http",
		"blue/aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule blue-https",
	}, r.Children())

	balancer := r.Get(t, "aws:lb/loadBalancer:LoadBalancer", "blue")
	assert.Equal(t, false, balancer.In("internal"))
	assert.Equal(t, true, balancer.In("dropInvalidHeaderFields"))
	assert.InDelta(t, 60, balancer.In("clientKeepAlive"), 0)
	assert.Equal(t, true, balancer.In("enableZonalShift"))
	assert.Equal(t, true, balancer.In("enableDeletionProtection"))
	assert.Equal(t, true, balancer.In("accessLogs.enabled"))
	assert.Equal(t, "alb/codeflow-blue", balancer.In("accessLogs.prefix"))

	https := r.Get(t, "aws:lb/listener:Listener", "blue-https")
	assert.Equal(t, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", https.In("sslPolicy"))
	assert.Equal(t, "arn:cert", https.In("certificateArn"))
	assert.Equal(t, "forward", https.In("defaultActions[0].type"))
	http := r.Get(t, "aws:lb/listener:Listener", "blue-http")
	assert.Equal(t, "redirect", http.In("defaultActions[0].type"))
	assert.Equal(t, "HTTP_301", http.In("defaultActions[0].redirect.statusCode"))

	targets := r.Get(t, "aws:lb/targetGroup:TargetGroup", "blue")
	assert.Equal(t, map[string]any{
		"enabled": true, "path": "/health", "matcher": "200",
		"interval": 30.0, "timeout": 5.0, "healthyThreshold": 2.0, "unhealthyThreshold": 2.0,
	}, targets.In("healthCheck"))
	assert.InDelta(t, 30, targets.In("deregistrationDelay"), 0)
}

func TestHTTPOnlyAdmitsCloudFrontOnly(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:ec2/getManagedPrefixList:getManagedPrefixList": func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{"id": resource.NewProperty("pl-cloudfront")}, nil
		},
	}}
	r.Both(t, program(args()))
	assert.Equal(t, 1, r.Count()["aws:lb/listener:Listener"])
	assert.Equal(t, 1, r.Count()["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"])
	rule := r.Get(t, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "blue-http")
	assert.Equal(t, "pl-cloudfront", rule.In("prefixListId"))
	assert.Nil(t, rule.In("cidrIpv4"))
	assert.Equal(t, "forward", r.Get(t, "aws:lb/listener:Listener", "blue-http").In("defaultActions[0].type"))
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	(&recorder.Recorder{}).RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		a := args()
		a.HTTPS, a.CertificateARN = true, pulumi.String("arn:cert")
		return program(a, opts...)
	})
	assert.ErrorContains(t, (&recorder.Recorder{}).Run(false, program(args())), "looking up prefix list")
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*loadbalancer.Args){
		"1 to 32 characters":             func(a *loadbalancer.Args) { a.Name = strings.Repeat("a", 33) },
		"VpcID, SubnetIDs and LogBucket": func(a *loadbalancer.Args) { a.VpcID = nil },
		"CertificateARN is required":     func(a *loadbalancer.Args) { a.HTTPS = true },
		"0 to 3600 seconds, got 4000":    func(a *loadbalancer.Args) { a.DeregistrationDelay = 4000 },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			a, r := args(), &recorder.Recorder{}
			change(a)
			assert.ErrorContains(t, r.Run(false, program(a)), want)
			assert.Empty(t, r.Children())
		})
	}
}
