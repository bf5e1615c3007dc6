package cloud

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	s.create("route53/zone", "other", in{"name": "other.com"})
	for _, name := range []string{"/codeflow/prod/traffic/a", "/codeflow/prod/traffic/b/c", "/codeflow/prod/trafficker"} {
		s.create("ssm/parameter", name, in{"name": name, "type": "String", "value": "v"})
	}
	for name, test := range map[string]struct {
		function string
		args     in
		want     in
		says     string
	}{
		"zones": {
			function: "index/getAvailabilityZones", want: in{
				"names": []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"}, "zoneIds": []string{"euw1-az1", "euw1-az2", "euw1-az3"},
			},
		},
		"caller":    {function: "index/getCallerIdentity", want: in{"accountId": Account}},
		"partition": {function: "index/getPartition", want: in{"partition": "aws"}},
		"region":    {function: "index/getRegion", want: in{"name": testRegion}},
		"zone": {
			function: "route53/getZone", args: in{"name": "example.com."},
			want: in{"zoneId": s.zone.id, "privateZone": false},
		},
		"zone by id":  {function: "route53/getZone", args: in{"zoneId": s.zone.id}, want: in{"name": testDomain}},
		"no zone":     {function: "route53/getZone", args: in{"name": "none.com"}, says: "no matching Route 53 Hosted Zone found"},
		"certificate": {function: "acm/getCertificate", args: in{"domain": testDomain}, want: in{"arn": s.certificate.id}},
		"no certifcate": {
			function: "acm/getCertificate", args: in{"domain": "none.com"},
			says: "no ACM Certificate matching domain (none.com)",
		},
		"prefix list": {
			function: "ec2/getManagedPrefixList", args: in{"name": "com.amazonaws.global.cloudfront.origin-facing"},
			want: in{"id": prefixListID(testRegion, "com.amazonaws.global.cloudfront.origin-facing"), "addressFamily": "IPv4"},
		},
		"prefix list by filter": {
			function: "ec2/getPrefixList",
			args:     in{"filters": []any{in{"name": "prefix-list-name", "values": []string{"com.amazonaws.eu-west-1.s3"}}}},
			want:     in{"name": "com.amazonaws.eu-west-1.s3"},
		},
		"no prefix list": {
			function: "ec2/getPrefixList", args: in{"name": "none"},
			says: "no matching EC2 Managed Prefix List found: none",
		},
		"parameters": {
			function: "ssm/getParametersByPath", args: in{"path": "/codeflow/prod/traffic"},
			want: in{"names": []string{"/codeflow/prod/traffic/a"}, "values": []string{"v"}, "types": []string{"String"}},
		},
		"parameters, recursive": {
			function: "ssm/getParametersByPath", args: in{"path": "/codeflow/prod/traffic", "recursive": true},
			want: in{"names": []string{"/codeflow/prod/traffic/a", "/codeflow/prod/traffic/b/c"}},
		},
		"no parameters": {function: "ssm/getParametersByPath", args: in{"path": "/none"}, want: in{"names": []string{}}},
		"registry": {
			function: "ecr/getAuthorizationToken", want: in{"userName": "AWS", "password": "sandbox", "proxyEndpoint": "http://127.0.0.1:5000"},
		},
		"service": {
			function: "ecs/getService", args: in{"serviceName": "codeflow-blue-service", "clusterArn": s.cluster.id},
			want: in{"arn": s.service.id, "desiredCount": 2, "taskDefinition": s.definition.out["arn"]},
		},
		"no service": {
			function: "ecs/getService", args: in{"serviceName": "none", "clusterArn": s.cluster.id},
			says: "service not found: none",
		},
		"latest task definition": {
			function: "ecs/getTaskDefinition", args: in{"taskDefinition": "codeflow-blue"},
			want: in{"revision": 1, "status": active, "family": "codeflow-blue"},
		},
		"container": {
			function: "ecs/getContainerDefinition", args: in{"taskDefinition": s.definition.out["arn"], "containerName": "codeflow"},
			want: in{"imageDigest": testImage[len("codeflow@"):], "image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/" + testImage},
		},
		"no container": {
			function: "ecs/getContainerDefinition", args: in{"taskDefinition": "codeflow-blue", "containerName": "none"},
			says: `container with name "none" not found`,
		},
		"cache policy": {
			function: "cloudfront/getCachePolicy", args: in{"name": "Managed-CachingDisabled"},
			want: in{"id": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"},
		},
		"no cache policy": {
			function: "cloudfront/getCachePolicy", args: in{"name": "none"},
			says: "no matching cloudfront/cachePolicy found",
		},
		"policy document": {
			function: "iam/getPolicyDocument", args: in{"statements": []any{in{
				"actions": []string{"s3:GetObject"}, "resources": []string{"a", "b"},
				"principals": []any{in{"type": "Service", "identifiers": []string{"x.amazonaws.com"}}},
				"conditions": []any{in{"test": "StringEquals", "variable": "aws:SourceAccount", "values": []string{Account}}},
			}}},
			want: in{"minifiedJson": `{
  "Statement": [
    {
      "Action": "s3:GetObject",
      "Condition": {
        "StringEquals": {
          "aws:SourceAccount": "000000000000"
        }
      },
      "Effect": "Allow",
      "Principal": {
        "Service": "x.amazonaws.com"
      },
      "Resource": [
        "a",
        "b"
      ]
    }
  ],
  "Version": "2012-10-17"
}`},
		},
		"unknown": {function: "sqs/getQueue", says: "the sandbox does not know the function aws:sqs/getQueue:getQueue yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := s.invoke(test.function, test.args)
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			require.NotEmpty(t, got["id"])
			for key, value := range test.want {
				require.Equal(t, plainLists(value), got[key], key)
			}
		})
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	exists, _ := w.cloud.Repository("codeflow")
	require.False(t, exists)
	w.create("ecr/repository", "r", in{"name": "codeflow", "imageTagMutability": "IMMUTABLE"})
	exists, immutable := w.cloud.Repository("codeflow")
	require.True(t, exists)
	require.True(t, immutable)
	_, err := w.invoke("ecr/getAuthorizationToken", in{})
	require.ErrorContains(t, err, "the sandbox runs without a registry")
}
