package cloud

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryTypeCanBeMade makes one of everything, so that a rule that nothing
// tries is found, and so is one that refuses what AWS accepts.
func TestEveryTypeCanBeMade(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	key := s.create("kms/key", "key", in{"enableKeyRotation": true})
	s.create("kms/alias", "alias", in{"name": "alias/codeflow", "targetKeyId": key.id})
	s.routes()
	s.data(key)
	s.buckets(key)
	s.edge()
	s.observed()
	s.secrets(key)
	recovery := s.recovery(key)

	tried := map[string]bool{}
	s.cloud.Store().List(func(r *Resource) bool {
		tried[shortType(r.Type)] = true
		return false
	})
	for _, short := range Types() {
		require.True(t, tried[short], "no test makes a %s", short)
	}
	recovery.undo()
}

func (s *stack) routes() {
	table := s.create("ec2/routeTable", "private", in{"vpcId": s.vpc.id})
	s.create("ec2/routeTableAssociation", "private", in{"routeTableId": table.id, "subnetId": s.subnetA.id})
	eip := s.create("ec2/eip", "nat", in{"domain": "vpc"})
	nat := s.create("ec2/natGateway", "nat", in{"subnetId": s.subnetB.id, "allocationId": eip.id})
	require.Equal(s, eip.out["publicIp"], nat.out["publicIp"])
	s.create("ec2/route", "nat", in{"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat.id})
	s.create("ec2/vpcEndpoint", "s3", in{
		"vpcId": s.vpc.id, "serviceName": "com.amazonaws.eu-west-1.s3", "routeTableIds": []string{table.id},
	})
	endpoint := in{
		"vpcId": s.vpc.id, "serviceName": "com.amazonaws.eu-west-1.logs", "vpcEndpointType": "Interface", "privateDnsEnabled": true,
		"subnetIds": []string{s.subnetA.id, s.subnetB.id}, "securityGroupIds": []string{s.group.id},
	}
	s.create("ec2/vpcEndpoint", "logs", endpoint)
	_, err := s.try("ec2/vpcEndpoint", "again", endpoint)
	require.ErrorContains(s, err, "there is already a conflicting DNS domain")
	_, err = s.try("ec2/vpcEndpoint", "crowded", endpoint.with(in{"subnetIds": []string{s.subnetA.id, s.subnetA.id}}))
	require.ErrorContains(s, err, "DuplicateSubnetsInSameZone")

	byDefault := s.create("ec2/defaultSecurityGroup", "default", in{"vpcId": s.vpc.id})
	require.Equal(s, s.vpc.out["defaultSecurityGroupId"], byDefault.id)
	s.create("vpc/securityGroupIngressRule", "self", in{
		"securityGroupId": s.group.id, "ipProtocol": "-1", "referencedSecurityGroupId": byDefault.id,
	})
	s.create("vpc/securityGroupEgressRule", "out", in{"securityGroupId": s.group.id, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})
	s.create("ec2/flowLog", "flow", in{
		"vpcId": s.vpc.id, "trafficType": "ALL", "iamRoleArn": s.role.out["arn"], "logDestination": s.logs.out["arn"],
	})
}

func (s *stack) data(key made) {
	s.subnetGroup()
	s.create("rds/parameterGroup", "pg", in{"name": "pg16", "family": "postgres16"})
	database := s.create("rds/instance", "db", s.database(in{
		"parameterGroupName": "pg16", "kmsKeyId": key.out["arn"], "storageEncrypted": true, "manageMasterUserPassword": true,
		"skipFinalSnapshot": true,
	}))
	require.Contains(s, database.out.str("masterUserSecrets.secretArn"), ":secret:rds!db-")
	require.Regexp(s, `^codeflow\.c[a-z0-9]{14}\.eu-west-1\.rds\.amazonaws\.com:5432$`, database.out["endpoint"])
	_, err := s.try("rds/instance", "far", s.database(in{"identifier": "far", "vpcSecurityGroupIds": []string{
		s.create("ec2/securityGroup", "far", in{"vpcId": s.create("ec2/vpc", "far", in{"cidrBlock": "10.9.0.0/16"}).id}).id,
	}}))
	require.ErrorContains(s, err, "The DB instance and EC2 security group are in different VPCs.")
}

func (s *stack) buckets(key made) {
	bucket := s.create("s3/bucketV2", "assets", in{"bucket": "assets", "forceDestroy": true})
	of := func(more in) in { return in{"bucket": bucket.id}.with(more) }
	s.create("s3/bucketVersioningV2", "v", of(in{"versioningConfiguration": in{"status": "Enabled"}}))
	s.create("s3/bucketServerSideEncryptionConfigurationV2", "e", of(in{"rules": []any{in{
		"applyServerSideEncryptionByDefault": in{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key.out["arn"]},
	}}}))
	s.create("s3/bucketPublicAccessBlock", "b", of(in{"blockPublicAcls": true}))
	s.create("s3/bucketLifecycleConfigurationV2", "l", of(in{"rules": []any{in{"id": "all", "status": "Enabled"}}}))
	s.create("s3/bucketPolicy", "p", of(in{"policy": trustECS}))
	s.create("s3/bucketOwnershipControls", "o", of(in{"rule": in{"objectOwnership": "BucketOwnerPreferred"}}))
	s.create("s3/bucketLoggingV2", "g", of(in{"targetBucket": bucket.id, "targetPrefix": "logs/"}))
	logs := s.balancerIn("logged").with(in{"accessLogs": in{"bucket": "assets", "enabled": true}})
	_, err := s.try("lb/loadBalancer", "logged", logs)
	require.ErrorContains(s, err, "Access Denied for bucket: assets", "load balancers cannot write to a bucket with a KMS key")

	plainBucket := s.create("s3/bucketV2", "plain", in{"bucket": "plain", "forceDestroy": true})
	s.create("s3/bucketPolicy", "plain", in{"bucket": "plain", "policy": trustECS})
	s.create("lb/loadBalancer", "logged", s.balancerIn("logged").with(in{"accessLogs": in{"bucket": "plain", "enabled": true}}))
	object := s.create("s3/bucketObjectv2", "o", in{"bucket": "plain", "key": "index.html", "content": "hello"})
	require.NoError(s, s.delete(plainBucket), "forceDestroy takes the objects along")
	_, found := s.read(object)
	require.False(s, found)
	s.create("s3/bucketObjectv2", "o", of(in{"key": "index.html", "content": "hello"}))
}

func (s *stack) edge() {
	east := s.in("us-east-1", nil)
	acl := east.create("wafv2/webAcl", "global", webACL("CLOUDFRONT"))
	logs := east.create("cloudwatch/logGroup", "waf", in{"name": "aws-waf-logs-codeflow"})
	east.create("wafv2/webAclLoggingConfiguration", "waf", in{
		"resourceArn": acl.out["arn"], "logDestinationConfigs": []string{logs.out.str("arn")},
	})
	regional := s.create("wafv2/webAcl", "regional", webACL("REGIONAL"))
	s.create("wafv2/webAclAssociation", "alb", in{"webAclArn": regional.out["arn"], "resourceArn": s.balancer.id})

	s.create("route53/record", "live", s.weighted("blue", 90))
	s.create("route53/record", "green", s.weighted("green", 10))
	s.create("route53/record", "apex", s.failover())
	access := s.create("cloudfront/originAccessControl", "oac", in{
		"name": "oac", "originAccessControlOriginType": "s3", "signingBehavior": "always", "signingProtocol": "sigv4",
	})
	headers := s.create("cloudfront/responseHeadersPolicy", "headers", in{"name": "headers"})
	s.create("cloudfront/cachePolicy", "cache", in{"name": "cache", "parametersInCacheKeyAndForwardedToOrigin": in{
		"cookiesConfig": in{"cookieBehavior": "none"}, "headersConfig": in{"headerBehavior": "none"},
		"queryStringsConfig": in{"queryStringBehavior": "none"},
	}})
	s.create("cloudfront/originRequestPolicy", "origin", in{
		"name": "origin", "cookiesConfig": in{"cookieBehavior": "none"}, "headersConfig": in{"headerBehavior": "none"},
		"queryStringsConfig": in{"queryStringBehavior": "none"},
	})
	behaviour := s.distribution()["defaultCacheBehavior"].(in).with(in{"responseHeadersPolicyId": headers.id})
	distribution := s.cdnCertificate(s.issue(east, "edge"), "cdn."+testDomain).with(in{
		"webAclId": acl.out["arn"], "defaultCacheBehavior": behaviour,
		"loggingConfig": in{"bucket": "assets.s3.eu-west-1.amazonaws.com"},
		"origins":       []any{in{"originId": "api", "domainName": "x.s3.amazonaws.com", "originAccessControlId": access.id}},
	})
	metrics := in{"distributionId": s.create("cloudfront/distribution", "cdn", distribution).id, "monitoringSubscription": in{
		"realtimeMetricsSubscriptionConfig": in{"realtimeMetricsSubscriptionStatus": "Enabled"},
	}}
	s.create("cloudfront/monitoringSubscription", "metrics", metrics)
	_, err := s.try("cloudfront/monitoringSubscription", "again", metrics)
	require.ErrorContains(s, err, "MonitoringSubscriptionAlreadyExists")
	_, err = s.try("cloudfront/distribution", "second", distribution)
	require.ErrorContains(s, err, "CNAMEAlreadyExists")
	require.ErrorContains(s, east.delete(acl), "WAFAssociatedItemException")
	require.ErrorContains(s, s.delete(headers), "PolicyInUse")
}

func (s *stack) observed() {
	topic := s.create("sns/topic", "alarms", in{})
	s.create("sns/topicPolicy", "alarms", in{"arn": topic.id, "policy": trustECS})
	s.create("sns/topicSubscription", "mail", in{"topic": topic.id, "protocol": "email", "endpoint": "ops@example.com"})
	s.create("cloudwatch/metricAlarm", "cpu", alarm(in{"alarmActions": []string{topic.id}}))
	s.create("cloudwatch/dashboard", "board", in{"dashboardName": "board", "dashboardBody": `{"widgets":[]}`})
	s.create("cloudwatch/logMetricFilter", "errors", in{
		"logGroupName": s.logs.id, "pattern": "ERROR", "metricTransformation": in{"name": "n", "namespace": "ns", "value": "1"},
	})
	s.create("appautoscaling/target", "scaling", scaling("codeflow-blue-service"))
	policy := func(label string) in {
		return scaling("codeflow-blue-service").with(in{
			"minCapacity": nil, "maxCapacity": nil, "policyType": "TargetTrackingScaling",
			"targetTrackingScalingPolicyConfiguration": in{"targetValue": 100, "predefinedMetricSpecification": in{
				"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": label,
			}},
		})
	}
	s.create("appautoscaling/policy", "requests", policy(s.balancer.out.str("arnSuffix")+"/"+s.targets.out.str("arnSuffix")))
	for label, says := range map[string]string{"": "ResourceLabel must be specified", "app/x/1/targetgroup/y/2": "does not name"} {
		_, err := s.try("appautoscaling/policy", "wrong", policy(label))
		require.ErrorContains(s, err, says)
	}
}

func (s *stack) secrets(key made) {
	secret := s.create("secretsmanager/secret", "token", in{"kmsKeyId": key.id, "recoveryWindowInDays": 7})
	version := s.create("secretsmanager/secretVersion", "token", in{"secretId": secret.id, "secretString": "hush"})
	require.Equal(s, secret.id, version.out["arn"])
	parameter := in{"name": "/codeflow/log-level", "type": "String", "value": "info"}
	level := s.create("ssm/parameter", "level", parameter)
	require.Equal(s, "arn:aws:ssm:eu-west-1:000000000000:parameter/codeflow/log-level", level.out["arn"])
	level, err := s.tryUpdate(level, parameter.with(in{"value": "debug"}))
	require.NoError(s, err)
	require.Equal(s, "2", level.out.str("version"))

	repository := s.create("ecr/repository", "images", in{"name": "codeflow", "forceDelete": true})
	s.create("ecr/lifecyclePolicy", "images", in{"repository": "codeflow", "policy": `{"rules":[]}`})
	s.create("ecr/repositoryPolicy", "images", in{"repository": "codeflow", "policy": trustECS})
	require.NoError(s, s.delete(repository), "forceDelete takes the images along")
	require.Empty(s, s.images)
	s.create("ecr/repository", "images", in{"name": "codeflow"})

	policy := s.create("iam/policy", "read", in{"policy": trustECS})
	s.create("iam/rolePolicyAttachment", "read", in{"role": s.role.id, "policyArn": policy.id})
	s.create("iam/rolePolicyAttachment", "managed", in{
		"role": s.role.id, "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
	})
	s.create("iam/rolePolicy", "inline", in{"role": s.role.id, "policy": trustECS})

	github := in{"url": "https://token.actions.githubusercontent.com", "clientIdLists": []string{"sts.amazonaws.com"}}
	provider := s.create("iam/openIdConnectProvider", "github", github)
	require.Equal(s, "arn:aws:iam::"+Account+":oidc-provider/token.actions.githubusercontent.com", provider.id)
	s.create("iam/accountPasswordPolicy", "passwords", in{"minimumPasswordLength": 14})
	s.create("accessanalyzer/analyzer", "analyzer", in{"analyzerName": "codeflow"})
	for problem, again := range map[string]struct {
		short  string
		inputs in
	}{
		"EntityAlreadyExists: Provider":                            {"iam/openIdConnectProvider", github},
		"must begin with https://":                                 {"iam/openIdConnectProvider", github.with(in{"url": "http://example.com"})},
		"has a password policy already":                            {"iam/accountPasswordPolicy", in{"minimumPasswordLength": 8}},
		"Member must have value between 6 and 128":                 {"iam/accountPasswordPolicy", in{"minimumPasswordLength": 5}},
		"ServiceQuotaExceededException: a region has one analyzer": {"accessanalyzer/analyzer", in{"analyzerName": "another"}},
	} {
		_, err := s.try(again.short, "again", again.inputs)
		require.ErrorContains(s, err, problem, problem)
	}
	require.ErrorContains(s, s.delete(policy), "DeleteConflict: Cannot delete a policy attached to entities.")
}
