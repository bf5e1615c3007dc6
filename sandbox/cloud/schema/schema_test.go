package schema

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemaHasTheTypes(t *testing.T) {
	t.Parallel()
	require.Len(t, Tokens(), 112)
	vpc, ok := Lookup("aws:ec2/vpc:Vpc")
	require.True(t, ok)
	require.True(t, vpc.Properties["cidrBlock"].Replaces)
	require.True(t, vpc.Properties["cidrBlock"].Input())
	require.False(t, vpc.Properties["arn"].Input())
	require.False(t, vpc.Properties["tagsAll"].Input())
	require.Equal(t, Map, vpc.Properties["tags"].Kind)
	require.True(t, vpc.Properties["instanceTenancy"].Depends)

	acl, _ := Lookup("aws:wafv2/webAcl:WebAcl")
	statement := acl.Properties["rules"].Elem.Properties["statement"]
	require.Equal(t, Object, statement.Kind, "shared objects are resolved")
	require.Contains(t, statement.Properties, "managedRuleGroupStatement")

	instance, _ := Lookup("aws:rds/instance:Instance")
	require.True(t, instance.Properties["password"].Sensitive)
	groups, _ := Lookup("aws:cloudfront/distribution:Distribution")
	members := groups.Properties["originGroups"].Elem.Properties["members"]
	require.Equal(t, [2]int{2, 2}, [2]int{members.Min, members.Max})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, test := range map[string]struct {
		token  string
		inputs object
		want   []string
	}{
		"fine":            {"aws:ec2/vpc:Vpc", object{"cidrBlock": "10.0.0.0/16", "tags": object{"a": "b"}}, nil},
		"null":            {"aws:ec2/vpc:Vpc", object{"nonsense": nil, "cidrBlock": nil}, nil},
		"internal":        {"aws:ec2/vpc:Vpc", object{"__defaults": []any{}}, nil},
		"unknown value":   {"aws:ec2/subnet:Subnet", object{"vpcId": Unknown{}, "tags": Unknown{}}, nil},
		"far from a name": {"aws:ec2/vpc:Vpc", object{"zzzzzz": 1.0}, []string{"zzzzzz: unknown property"}},
		"all at once": {
			"aws:ec2/subnet:Subnet",
			object{"vpcID": "x"},
			[]string{`vpcID: unknown property; did you mean "vpcId"?`, "vpcId: missing required property"},
		},
		"number as text": {"aws:lb/targetGroup:TargetGroup", object{"port": "8080", "deregistrationDelay": 30.0}, nil},
		"text as number": {
			"aws:lb/targetGroup:TargetGroup",
			object{"port": "http"},
			[]string{`port: must be a number, got the string "http"`},
		},
		"number as a flag": {
			"aws:ec2/vpc:Vpc",
			object{"enableDnsSupport": 1.0},
			[]string{"enableDnsSupport: must be a boolean, got the number 1"},
		},
		"flag as a number": {
			"aws:lb/targetGroup:TargetGroup",
			object{"port": true},
			[]string{"port: must be a number, got the boolean true"},
		},
		"text as list": {
			"aws:lb/loadBalancer:LoadBalancer",
			object{"subnets": "a"},
			[]string{`subnets: must be a list, got the string "a"`},
		},
		"list as text": {
			"aws:lb/loadBalancer:LoadBalancer",
			object{"name": []any{"a"}},
			[]string{"name: must be a string, got a list"},
		},
		"list as object": {
			"aws:lb/targetGroup:TargetGroup",
			object{"healthCheck": []any{}},
			[]string{"healthCheck: must be an object, got a list"},
		},
		"text as map": {"aws:ec2/vpc:Vpc", object{"tags": "a"}, []string{`tags: must be a map, got the string "a"`}},
		"list in a map": {
			"aws:ec2/vpc:Vpc", object{"tags": object{"a": []any{}}}, []string{"tags.a: must be a string, got a list"},
		},
		"asset": {
			"aws:s3/bucketObjectv2:BucketObjectv2",
			object{"bucket": "b", "key": "k", "source": object{assetKey: "c44067f5952c0a294b673a41bacd8c17"}},
			nil,
		},
		"too few": {
			"aws:lb/listener:Listener",
			object{"loadBalancerArn": "a", "defaultActions": []any{}},
			[]string{"defaultActions: needs at least 1 element(s), got 0"},
		},
		"too many": {
			"aws:ecs/service:Service",
			object{"name": "n", "orderedPlacementStrategies": []any{
				object{"type": "a"}, object{"type": "a"}, object{"type": "a"}, object{"type": "a"}, object{"type": "a"}, object{"type": "a"},
			}},
			[]string{"orderedPlacementStrategies: takes at most 5 element(s), got 6"},
		},
		"deep": {
			"aws:ecs/service:Service",
			object{"name": "n", "networkConfiguration": object{"subnet": []any{}}},
			[]string{`networkConfiguration.subnet: unknown property; did you mean "subnets"?`, "networkConfiguration.subnets: missing required property"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typ, ok := Lookup(test.token)
			require.True(t, ok)
			var got []string
			for _, problem := range typ.Check(test.inputs) {
				got = append(got, problem.String())
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestDiffOfBlocks(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	listener, _ := Lookup("aws:lb/listener:Listener")
	redirect := func(port string) []any {
		return []any{object{"type": "redirect", "redirect": object{"port": port, "statusCode": "HTTP_301"}}}
	}
	changes := listener.Diff(object{"defaultActions": redirect("443")}, object{"defaultActions": redirect("444")})
	require.Equal(t, []Change{{Path: "defaultActions[0].redirect.port"}}, changes)
	changes = listener.Diff(object{"defaultActions": redirect("443")}, object{"defaultActions": append(redirect("443"), redirect("444")...)})
	require.Equal(t, []Change{{Path: "defaultActions"}}, changes)

	// What was not probed below a replacing block does what the block does.
	certificate, _ := Lookup("aws:acm/certificate:Certificate")
	changes = certificate.Diff(
		object{"validationOptions": []any{object{"domainName": "a", "validationDomain": "b"}}},
		object{"validationOptions": []any{object{"domainName": "a", "validationDomain": "c"}}},
	)
	require.Equal(t, []Change{{Path: "validationOptions[0].validationDomain", Replaces: true}}, changes)
	changes = certificate.Diff(object{}, object{"domainName": "a"})
	require.Equal(t, []Change{{Path: "domainName", Added: true, Replaces: true}}, changes)
	changes = certificate.Diff(object{"options": object{"certificateTransparencyLoggingPreference": "ENABLED"}}, nil)
	require.Equal(t, []Change{{Path: "options", Deleted: true}}, changes)
}

func TestLevenshtein(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, levenshtein("a", "a"))
	require.Equal(t, 1, levenshtein("vpcid", "vpcids"))
	require.Equal(t, 3, levenshtein("kitten", "sitting"))
	require.Equal(t, 3, levenshtein("", "abc"))
}
