package cloud

import (
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	strategy := func(provider string) in {
		return in{"capacityProviderStrategies": []any{in{"capacityProvider": provider, "weight": 1}}}
	}
	for name, test := range map[string]struct {
		short      string
		olds, news in
		replaces   []string
		detail     map[string]pulumirpc.PropertyDiff_Kind
		first      bool // delete before replace.
	}{
		"nothing":         {short: "ec2/vpc", olds: in{"cidrBlock": "10.0.0.0/16"}, news: in{"cidrBlock": "10.0.0.0/16"}},
		"null and absent": {short: "ec2/vpc", olds: in{"tags": in{}}, news: in{}},
		"update": {
			short: "ec2/vpc", olds: in{"enableDnsSupport": true}, news: in{"enableDnsSupport": false},
			detail: map[string]pulumirpc.PropertyDiff_Kind{"enableDnsSupport": pulumirpc.PropertyDiff_UPDATE},
		},
		"replace": {
			short: "ec2/vpc", olds: in{"cidrBlock": "10.0.0.0/16"}, news: in{"cidrBlock": "10.1.0.0/16"}, replaces: []string{"cidrBlock"},
			detail: map[string]pulumirpc.PropertyDiff_Kind{"cidrBlock": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"unknown replaces": {
			short: "ec2/subnet", olds: in{"vpcId": "vpc-1"}, news: in{"vpcId": unknown}, replaces: []string{"vpcId"},
			detail: map[string]pulumirpc.PropertyDiff_Kind{"vpcId": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"nested": {
			short: "lb/targetGroup", olds: in{"healthCheck": in{"path": "/"}}, news: in{"healthCheck": in{"path": "/health", "matcher": "200"}},
			detail: map[string]pulumirpc.PropertyDiff_Kind{
				"healthCheck.path": pulumirpc.PropertyDiff_UPDATE, "healthCheck.matcher": pulumirpc.PropertyDiff_ADD,
			},
		},
		"order of a set": {
			short: "lb/loadBalancer", olds: in{"subnets": []string{"a", "b"}}, news: in{"subnets": []string{"b", "a"}},
		},
		"formatting of JSON": {
			short: "iam/policy", olds: in{"policy": `{"a":1,"b":[2]}`}, news: in{"policy": "{\n \"b\": [2], \"a\": 1}"},
		},
		"a fixed name goes first": {
			short: "lb/targetGroup", olds: in{"name": "tg", "port": 80}, news: in{"name": "tg", "port": 81},
			replaces: []string{"port"}, first: true,
			detail: map[string]pulumirpc.PropertyDiff_Kind{"port": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"a made up name does not": {
			short: "lb/targetGroup", olds: in{"name": "x-0123456", "port": 80}, news: in{"name": "x-0123456", "port": 81},
			replaces: []string{"port"},
			detail:   map[string]pulumirpc.PropertyDiff_Kind{"port": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"an attachment goes first": {
			short: "iam/rolePolicyAttachment", olds: in{"role": "r", "policyArn": "arn:1"}, news: in{"role": "r", "policyArn": "arn:2"},
			replaces: []string{"policyArn"}, first: true,
			detail: map[string]pulumirpc.PropertyDiff_Kind{"policyArn": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"a lifecycle goes first": {
			short: "ecr/lifecyclePolicy", olds: in{"repository": "r", "policy": "{}"}, news: in{"repository": "r", "policy": `{"rules": []}`},
			replaces: []string{"policy"}, first: true,
			detail: map[string]pulumirpc.PropertyDiff_Kind{"policy": pulumirpc.PropertyDiff_UPDATE_REPLACE},
		},
		"weight of a record": {
			short:  "route53/record",
			olds:   in{"weightedRoutingPolicies": []any{in{"weight": 100}}},
			news:   in{"weightedRoutingPolicies": []any{in{"weight": 90}}},
			detail: map[string]pulumirpc.PropertyDiff_Kind{"weightedRoutingPolicies[0].weight": pulumirpc.PropertyDiff_UPDATE},
		},
		"capacity providers replace a service": {
			short: "ecs/service", olds: strategy("FARGATE"), news: strategy("FARGATE_SPOT"),
			replaces: []string{"capacityProviderStrategies"},
			detail: map[string]pulumirpc.PropertyDiff_Kind{
				"capacityProviderStrategies[0].capacityProvider": pulumirpc.PropertyDiff_UPDATE_REPLACE,
			},
		},
		"but not with forceNewDeployment": {
			short: "ecs/service", olds: strategy("FARGATE").with(in{"forceNewDeployment": true}),
			news: strategy("FARGATE_SPOT").with(in{"forceNewDeployment": true}),
			detail: map[string]pulumirpc.PropertyDiff_Kind{
				"capacityProviderStrategies[0].capacityProvider": pulumirpc.PropertyDiff_UPDATE,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := w.client.Diff(t.Context(), &pulumirpc.DiffRequest{
				Urn: urnOf(test.short, "x"), OldInputs: wire(w, test.olds), News: wire(w, test.news),
			})
			require.NoError(t, err)
			kinds := map[string]pulumirpc.PropertyDiff_Kind{}
			for path, change := range response.GetDetailedDiff() {
				kinds[path] = change.GetKind()
			}
			if test.detail == nil {
				test.detail = map[string]pulumirpc.PropertyDiff_Kind{}
			}
			require.Equal(t, test.detail, kinds)
			require.Equal(t, test.replaces, response.GetReplaces())
			require.Equal(t, test.first, response.GetDeleteBeforeReplace())
			changed := response.GetChanges() == pulumirpc.DiffResponse_DIFF_SOME
			require.Equal(t, len(test.detail) > 0, changed)
		})
	}
}

func TestDiffIgnoresChanges(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	response, err := w.client.Diff(t.Context(), &pulumirpc.DiffRequest{
		Urn: urnOf("ecs/service", "x"), OldInputs: wire(w, in{"desiredCount": 2}), News: wire(w, in{"desiredCount": 5}),
		IgnoreChanges: []string{"desiredCount"},
	})
	require.NoError(t, err)
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, response.GetChanges())
}

// TestChangesThatReplaceInSomeCases holds the cases that the schema leaves to
// the provider.
func TestChangesThatReplaceInSomeCases(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		short, property string
		olds, news      props
		replaces        bool
	}{
		"to dedicated": {"ec2/vpc", "instanceTenancy", props{}, props{"instanceTenancy": "dedicated"}, true},
		"to default": {
			"ec2/vpc", "instanceTenancy",
			props{"instanceTenancy": "dedicated"},
			props{"instanceTenancy": "default"},
			false,
		},
		"subnets of an application load balancer": {"lb/loadBalancer", "subnets", props{}, props{}, false},
		"subnets of a network load balancer": {
			"lb/loadBalancer", "subnets", props{}, props{"loadBalancerType": "network"}, true,
		},
		"first group of a network load balancer": {
			"lb/loadBalancer", "securityGroups", props{}, props{"loadBalancerType": "network"}, true,
		},
		"restoring": {
			"rds/instance", "restoreToPointInTime",
			props{},
			props{"restoreToPointInTime": map[string]any{"restoreTime": "x"}},
			true,
		},
		"lock of a bucket": {
			"s3/bucketV2", "objectLockConfiguration", props{}, props{"objectLockConfiguration": map[string]any{"objectLockEnabled": "Enabled"}}, true,
		},
		"tier down": {"ssm/parameter", "tier", props{"tier": "Advanced"}, props{"tier": "Standard"}, true},
		"tier up":   {"ssm/parameter", "tier", props{"tier": "Standard"}, props{"tier": "Advanced"}, false},
		"no case":   {"x/y", "z", props{}, props{}, true},
	} {
		require.Equal(t, test.replaces, replacesIn(test.short, test.property, test.olds, test.news), name)
	}
}

func TestProviderConfig(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	diff := func(olds, news in) *pulumirpc.DiffResponse {
		response, err := w.client.DiffConfig(t.Context(), &pulumirpc.DiffRequest{OldInputs: wire(w, olds), News: wire(w, news)})
		require.NoError(t, err)
		return response
	}
	require.Equal(t, []string{"region"}, diff(in{"region": "eu-west-1"}, in{"region": "us-east-1"}).GetReplaces())
	tags := diff(in{"region": "eu-west-1"}, in{"region": "eu-west-1", "defaultTags": in{"tags": in{"a": "b"}}})
	require.Equal(t, []string{"defaultTags"}, tags.GetDiffs())
	require.Empty(t, tags.GetReplaces())
	info, err := w.client.GetPluginInfo(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, Version, info.GetVersion())
}
