package cloud

import (
	"os"
	"os/exec"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

func TestIdentifiersLookLikeAWS(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	account := "eu-west-1:" + Account
	for name, test := range map[string]struct{ got, want string }{
		"vpc":    {s.vpc.id, `^vpc-0[0-9a-f]{16}$`},
		"subnet": {s.subnetA.id, `^subnet-0[0-9a-f]{16}$`},
		"load balancer": {
			s.balancer.id, `^arn:aws:elasticloadbalancing:` + account + `:loadbalancer/app/codeflow-blue/[0-9a-f]{16}$`,
		},
		"dns name":   {s.balancer.out.str("dnsName"), `^codeflow-blue-1\d{9}\.eu-west-1\.elb\.amazonaws\.com$`},
		"zone of it": {s.balancer.out.str("zoneId"), `^Z32O12XQLNTSW2$`},
		"suffix":     {s.targets.out.str("arnSuffix"), `^targetgroup/codeflow-blue/[0-9a-f]{16}$`},
		"listener": {
			s.listener.id,
			`^arn:aws:elasticloadbalancing:` + account + `:listener/app/codeflow-blue/[0-9a-f]{16}/[0-9a-f]{16}$`,
		},
		"zone":            {s.zone.id, `^Z[A-Z0-9]{20}$`},
		"certificate":     {s.certificate.id, `^arn:aws:acm:` + account + `:certificate/[0-9a-f-]{36}$`},
		"role":            {s.role.out.str("arn"), `^arn:aws:iam::` + Account + `:role/role-[0-9a-f]{7}$`},
		"task definition": {s.definition.out.str("arn"), `^arn:aws:ecs:` + account + `:task-definition/codeflow-blue:1$`},
		"service":         {s.service.id, `^arn:aws:ecs:` + account + `:service/codeflow-blue-cluster/codeflow-blue-service$`},
	} {
		require.Regexp(t, test.want, test.got, name)
	}
}

func TestPreviewKnowsInputsAndNoOutputs(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	response, err := w.client.Create(t.Context(), &pulumirpc.CreateRequest{
		Urn: urnOf("ec2/subnet", "a"), Preview: true,
		Properties: wire(w, in{"vpcId": unknown, "cidrBlock": "10.0.0.0/24", "tags": in{"a": "b"}}),
	})
	require.NoError(t, err)
	out := decode(response.GetProperties())
	require.Empty(t, response.GetId())
	require.Equal(t, "10.0.0.0/24", out["cidrBlock"])
	require.Equal(t, map[string]any{"a": "b"}, out["tagsAll"])
	for _, name := range []string{"arn", "vpcId", "availabilityZone"} {
		require.Equal(t, schema.Unknown{}, out[name], name)
	}
	require.Empty(t, w.cloud.Store().List(func(*Resource) bool { return true }), "a preview stores nothing")
}

func TestChecksPassWhatAPreviewDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	for short, inputs := range map[string]in{
		"ec2/subnet":      {"vpcId": unknown, "cidrBlock": unknown},
		"lb/loadBalancer": {"name": unknown, "subnets": unknown, "securityGroups": []any{unknown}},
		"lb/listener": {
			"loadBalancerArn": unknown, "protocol": "HTTPS", "certificateArn": unknown,
			"defaultActions": []any{in{"type": "forward", "targetGroupArn": unknown}},
		},
		"ecs/taskDefinition": {
			"family": "f", "containerDefinitions": unknown, "cpu": unknown, "memory": unknown, "networkMode": unknown,
			"requiresCompatibilities": []string{"FARGATE"},
		},
		"route53/record": {
			"zoneId": unknown, "name": unknown, "type": "A",
			"aliases": []any{in{"name": unknown, "zoneId": unknown, "evaluateTargetHealth": true}},
		},
		"cloudfront/distribution": (&stack{}).distribution().with(in{"origins": unknown}),
		"wafv2/webAcl":            webACL("REGIONAL").with(in{"scope": unknown}),
		"iam/rolePolicy":          {"role": unknown, "policy": unknown},
		"rds/instance": {
			"instanceClass": unknown, "identifier": unknown, "allocatedStorage": unknown,
			"maxAllocatedStorage": unknown, "restoreToPointInTime": unknown,
		},
		"cloudwatch/compositeAlarm":         {"alarmName": unknown, "alarmRule": unknown},
		"cloudwatch/eventRule":              {"scheduleExpression": unknown},
		"cloudwatch/eventTarget":            {"rule": unknown, "arn": unknown, "roleArn": unknown},
		"sns/topicSubscription":             {"topic": unknown, "protocol": unknown, "endpoint": unknown},
		"backup/vaultLockConfiguration":     {"backupVaultName": unknown, "minRetentionDays": unknown, "changeableForDays": unknown},
		"backup/plan":                       backupPlan(in{"schedule": unknown, "targetVaultName": unknown, "lifecycle": unknown}),
		"kms/replicaKey":                    {"primaryKeyArn": unknown},
		"s3/bucketReplicationConfig":        {"bucket": unknown, "role": unknown, "rules": unknown},
		"route53/healthCheck":               {"type": "HTTPS", "fqdn": unknown, "requestInterval": unknown},
		"lb/listenerRule":                   {"listenerArn": unknown, "priority": unknown, "actions": unknown, "conditions": unknown},
		"secretsmanager/secretRotation":     {"secretId": unknown, "rotationRules": unknown},
		"secretsmanager/secretPolicy":       {"secretArn": unknown, "policy": unknown, "blockPublicPolicy": unknown},
		"rds/eventSubscription":             {"snsTopic": unknown, "sourceType": unknown, "sourceIds": unknown},
		"cloudtrail/trail":                  {"s3BucketName": unknown, "name": unknown},
		"xray/samplingRule":                 samplingRule(in{"ruleName": unknown, "priority": unknown, "fixedRate": unknown}),
		"budgets/budget":                    budget(in{"limitUnit": unknown, "notifications": unknown}),
		"s3/bucketLifecycleConfigurationV2": {"bucket": unknown, "rules": unknown},
	} {
		response, err := w.client.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urnOf(short, "x"), News: wire(w, inputs)})
		require.NoError(t, err, short)
		require.Empty(t, response.GetFailures(), short)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	check := func(olds, news in, seed string) string {
		response, err := w.client.Check(t.Context(), &pulumirpc.CheckRequest{
			Urn: urnOf("ec2/securityGroup", "group"), Olds: wire(w, olds), News: wire(w, news), RandomSeed: []byte(seed),
		})
		require.NoError(t, err)
		return decode(response.GetInputs()).str("name")
	}
	one, two := "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	made := check(in{}, in{}, one)
	require.Regexp(t, `^group-[0-9a-f]{7}$`, made)
	require.Equal(t, made, check(in{}, in{}, one), "a seed gives one name")
	require.NotEqual(t, made, check(in{}, in{}, two), "a replacement gets another name")
	require.Equal(t, made, check(in{"name": made}, in{}, two), "a name stays")
	require.Equal(t, "mine", check(in{"name": made}, in{"name": "mine"}, one))
	require.Empty(t, check(in{}, in{"namePrefix": "mine-"}, one))
	require.True(t, Autoname{}.madeUp(urnOf("ec2/securityGroup", "group"), props{"name": made}))
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := open(t, Options{}).in("eu-west-1", map[string]any{"defaultTags": in{"tags": in{"Project": "codeflow", "Stack": "prod"}}})
	vpc := w.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16", "tags": in{"Name": "vpc", "Stack": "blue"}})
	require.Equal(t, map[string]any{"Project": "codeflow", "Stack": "blue", "Name": "vpc"}, vpc.out["tagsAll"])
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, w.diff(vpc, in(vpc.in)).GetChanges())

	other := w.in("eu-west-1", map[string]any{"defaultTags": `{"tags":{"Project":"other"}}`})
	diff := other.diff(vpc, in(vpc.in))
	require.Equal(t, []string{"tagsAll"}, diff.GetDiffs(), "a change of the default tags is a change of the resource")
	updated, err := other.tryUpdate(vpc, in(vpc.in))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"Project": "other", "Stack": "blue", "Name": "vpc"}, updated.out["tagsAll"])
}

func TestEachConnectionHasItsRegion(t *testing.T) {
	t.Parallel()
	here := open(t, Options{})
	east := here.in("us-east-1", nil)
	vpc := here.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16"})
	require.Contains(t, vpc.out.str("arn"), "eu-west-1")
	_, err := east.try("ec2/subnet", "a", in{"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24"})
	require.ErrorContains(t, err, "InvalidVpcID.NotFound", "a VPC of another region")
	_, found := east.read(vpc)
	require.False(t, found)
	role := east.create("iam/role", "role", in{"assumeRolePolicy": trustECS})
	_, found = here.read(role)
	require.True(t, found, "a role belongs to no region")
}

func TestRegionMustBeKnown(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	require.ErrorContains(t, (&session{}).configure(props{}), "missing region information")
	require.ErrorContains(t, (&session{}).configure(props{"region": "Ireland"}), "invalid AWS Region: Ireland")
	t.Setenv("AWS_REGION", "eu-west-1")
	require.NoError(t, (&session{}).configure(props{}))
}

func TestSensitiveOutputsAreSecret(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	created, err := w.client.Create(t.Context(), &pulumirpc.CreateRequest{
		Urn: urnOf("ssm/parameter", "p"), Properties: wire(w, in{"name": "/p", "type": "SecureString", "value": "hush"}),
	})
	require.NoError(t, err)
	raw := created.GetProperties().GetFields()["value"].GetStructValue().AsMap()
	require.Equal(t, "hush", raw["value"])
	require.Len(t, raw, 2, "the value is wrapped as a secret")
}

func TestDriftIsSeenAndRepaired(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	wanted := s.targets.in
	same, found := s.read(s.targets)
	require.True(t, found)
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, s.diff(same, in(wanted)).GetChanges(), "no drift, no change")

	require.NoError(t, s.cloud.Drift("lb/targetGroup", "tg", "deregistrationDelay", "10"))
	drifted, _ := s.read(s.targets)
	diff := s.diff(drifted, in(wanted))
	require.Equal(t, []string{"deregistrationDelay"}, diff.GetDiffs())
	require.Empty(t, diff.GetReplaces())
	_, err := s.tryUpdate(drifted, in(wanted))
	require.NoError(t, err)
	repaired, _ := s.read(s.targets)
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, s.diff(repaired, in(wanted)).GetChanges())

	require.ErrorContains(t, s.cloud.Drift("ec2/subnet", "x", "cidrBlock", "y"), "there are subnet-")
	require.ErrorContains(t, s.cloud.Drift("ec2/natGateway", "x", "a", "b"), "there is no ec2/natGateway")
	require.ErrorContains(t, s.cloud.Drift("ec2/vpc", "vpc", "colour", "blue"), `ec2/vpc has no property "colour"`)
}

func TestReadOfWhatIsGone(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	vpc := w.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16"})
	require.NoError(t, w.delete(vpc))
	_, found := w.read(vpc)
	require.False(t, found)
	require.NoError(t, w.delete(vpc), "deleting it again is fine")
	_, err := w.tryUpdate(vpc, in(vpc.in))
	require.ErrorContains(t, err, "does not exist; refresh the stack")
}

func TestSeedAndOrphans(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	zone, err := w.cloud.Seed("aws:route53/zone:Zone", testRegion, map[string]any{"name": testDomain})
	require.NoError(t, err)
	again, err := w.cloud.Seed("aws:route53/zone:Zone", testRegion, map[string]any{"name": testDomain})
	require.NoError(t, err)
	require.Equal(t, zone.ID, again.ID)
	looked, err := w.invoke("route53/getZone", in{"name": testDomain})
	require.NoError(t, err)
	require.Equal(t, zone.ID, looked["zoneId"])

	vpc := w.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16"})
	lost := w.create("ec2/vpc", "lost", in{"cidrBlock": "10.0.0.0/16"})
	orphans := w.cloud.Orphans(func(_, id string) bool { return id == vpc.id })
	require.Len(t, orphans, 1)
	require.Equal(t, lost.id, orphans[0].ID)
	require.NoError(t, w.cloud.Forget(orphans...))
	_, found := w.read(lost)
	require.False(t, found)
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	require.ErrorContains(t, w.cloud.SetFault("flood", true), `unknown fault "flood"`)
	require.NoError(t, w.cloud.SetFault(FaultThrottle, true))
	failures := 0
	for range 6 {
		if _, err := w.try("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16"}); err != nil {
			require.ErrorContains(t, err, "ThrottlingException: Rate exceeded")
			failures++
		}
	}
	require.Equal(t, 2, failures)
	require.NoError(t, w.cloud.SetFault(FaultThrottle, false))
	w.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16"})
}

// TestCrash runs itself in a process that is to die at the second change.
func TestCrash(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("CLOUD_TEST_CRASH"); dir != "" {
		c, err := Open(dir, Options{CrashAfter: 2})
		require.NoError(t, err)
		for _, cidr := range []string{"10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"} {
			_, _ = c.Seed("aws:ec2/vpc:Vpc", testRegion, map[string]any{"cidrBlock": cidr})
		}
		return
	}
	dir := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	command.Env = append(os.Environ(), "CLOUD_TEST_CRASH="+dir)
	err := command.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 137, exit.ExitCode())
	c, err := Open(dir, Options{})
	require.NoError(t, err)
	require.Len(t, c.Store().List(func(*Resource) bool { return true }), 2)
}

func TestFirstDeploymentThatFails(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	require.NoError(t, s.cloud.SetFault(FaultDeployFails+":other", true))
	inputs := s.serviceIn().with(in{"name": "other"})
	_, err := s.try("ecs/service", "other", inputs)
	require.ErrorContains(t, err, "(service other) (deployment ecs-svc/")
	require.ErrorContains(t, err, "deployment failed: tasks failed to start")
	failed := status.Convert(err).Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	require.NotEmpty(t, failed.GetReasons())

	// The service is there, and the next attempt fails until the cause is gone.
	service := made{short: "ecs/service", name: "other", id: failed.GetId(), in: decode(failed.GetInputs()), out: decode(failed.GetProperties())}
	_, found := s.read(service)
	require.True(t, found)
	_, err = s.tryUpdate(service, inputs)
	require.ErrorContains(t, err, "tasks failed to start")
	require.NoError(t, s.cloud.SetFault(FaultDeployFails+":other", false))
	_, err = s.tryUpdate(service, inputs)
	require.NoError(t, err)
}

func TestDeploymentThatIsRolledBack(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	next := s.create("ecs/taskDefinition", "task", s.definitionIn(testImage).with(in{"cpu": "1024", "memory": "2048"}))
	require.Equal(t, "2", next.out.str("revision"))
	wanted := s.serviceIn().with(in{"taskDefinition": next.out.str("arn")})

	require.NoError(t, s.cloud.SetFault(FaultDeployFails, true))
	reported, err := s.tryUpdate(s.service, wanted)
	require.NoError(t, err, "the provider reports success")
	require.Equal(t, next.out["arn"], reported.out["taskDefinition"])
	actual, err := s.invoke("ecs/getService", in{"serviceName": "codeflow-blue-service", "clusterArn": s.cluster.id})
	require.NoError(t, err)
	require.Equal(t, s.definition.out["arn"], actual["taskDefinition"], "ECS runs what it ran before")

	refreshed, _ := s.read(reported)
	require.Equal(t, []string{"taskDefinition"}, s.diff(refreshed, wanted).GetDiffs(), "a refresh shows it")
	require.NoError(t, s.cloud.SetFault(FaultDeployFails, false))
	_, err = s.tryUpdate(refreshed, wanted)
	require.NoError(t, err)
	settled, _ := s.read(reported)
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, s.diff(settled, wanted).GetChanges())
}

func TestTaskDefinitionsThatAreKept(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	require.NoError(t, s.delete(s.definition))
	kept, err := s.invoke("ecs/getTaskDefinition", in{"taskDefinition": s.definition.out.str("arn")})
	require.NoError(t, err, "skipDestroy leaves the revision to go back to")
	require.Equal(t, active, kept["status"])
	require.Empty(t, s.cloud.Orphans(func(urn, _ string) bool { return urn != urnOf("ecs/taskDefinition", "task") }))

	gone := s.create("ecs/taskDefinition", "gone", s.definitionIn(testImage).with(in{"skipDestroy": false}))
	require.NoError(t, s.delete(gone))
	_, found := s.read(gone)
	require.False(t, found)
	_, err = s.invoke("ecs/getTaskDefinition", in{"taskDefinition": gone.out.str("arn")})
	require.ErrorContains(t, err, "Unable to describe task definition")
	next := s.create("ecs/taskDefinition", "next", s.definitionIn(testImage))
	require.Equal(t, "3", next.out.str("revision"), "revisions are not used again")
}
