package cloud

import (
	"errors"
	"testing"
)

func TestRefusesInECS(t *testing.T) {
	t.Parallel()
	service := func(change func(s *stack) in) func(s *stack) error {
		return creating("ecs/service", func(s *stack) in { return s.serviceIn().with(in{"name": "extra"}).with(change(s)) })
	}
	definition := func(change in) func(s *stack) error {
		return creating("ecs/taskDefinition", func(s *stack) in { return s.definitionIn(testImage).with(change) })
	}
	targets := func(arn string) in {
		return in{"loadBalancers": []any{in{"targetGroupArn": arn, "containerName": "codeflow", "containerPort": 8080}}}
	}
	refusals(t, map[string]refusal{
		"cpu and memory that Fargate does not have": {
			definition(in{"cpu": "512", "memory": "512"}),
			"ClientException: No Fargate configuration exists for given values: 512 CPU, 512 memory.",
		},
		"Fargate without awsvpc": {
			definition(in{"networkMode": "bridge"}), "ClientException: Fargate only supports network mode ‘awsvpc’.",
		},
		"no execution role": {
			definition(in{"executionRoleArn": nil}), "Fargate requires task definition to have execution role ARN",
		},
		"execution role that does not exist": {
			definition(in{"executionRoleArn": "arn:aws:iam::000000000000:role/none"}), "NoSuchEntity",
		},
		"log group that does not exist": {
			definition(in{"containerDefinitions": containers(testImage, "/none")}),
			"ResourceNotFoundException: The specified log group does not exist: /none",
		},
		"container definitions that are not JSON": {
			definition(in{"containerDefinitions": "[{"}), "container_definitions is invalid",
		},
		"target group without listener": {
			service(func(s *stack) in {
				group := s.create("lb/targetGroup", "lonely", in{
					"name": "lonely", "port": 8080, "protocol": "HTTP", "targetType": "ip", "vpcId": s.vpc.id,
				})
				return targets(group.id)
			}),
			"does not have an associated load balancer.",
		},
		"service in another VPC than its target group": {
			service(func(s *stack) in {
				vpc := s.create("ec2/vpc", "other", in{"cidrBlock": "10.9.0.0/16"})
				subnet := s.create("ec2/subnet", "far", in{"vpcId": vpc.id, "cidrBlock": "10.9.0.0/24"})
				return in{"networkConfiguration": in{"subnets": []string{subnet.id}}}
			}),
			"is in VPC vpc-",
		},
		"security group of another VPC": {
			service(func(s *stack) in {
				vpc := s.create("ec2/vpc", "other", in{"cidrBlock": "10.9.0.0/16"})
				group := s.create("ec2/securityGroup", "far", in{"vpcId": vpc.id})
				return in{"networkConfiguration": in{"subnets": []string{s.subnetA.id}, "securityGroups": []string{group.id}}}
			}),
			"belong to different networks",
		},
		"container that does not exist": {
			service(func(s *stack) in {
				return in{"loadBalancers": []any{in{"targetGroupArn": s.targets.id, "containerName": "other", "containerPort": 8080}}}
			}),
			"InvalidParameterException: The container other does not exist in the task definition.",
		},
		"port that the container does not have": {
			service(func(s *stack) in {
				return in{"loadBalancers": []any{in{"targetGroupArn": s.targets.id, "containerName": "codeflow", "containerPort": 1}}}
			}),
			"The container codeflow did not have a container port 1 defined.",
		},
		"capacity provider that the cluster does not have": {
			func(s *stack) error {
				s.create("ecs/cluster", "bare", in{"name": "bare"})
				return service(func(*stack) in { return in{"cluster": "bare"} })(s)
			},
			"a capacity provider that is not associated with the cluster",
		},
		"launch type beside capacity providers": {
			service(func(*stack) in { return in{"launchType": "FARGATE"} }),
			"Specifying both a launch type and capacity provider strategy is not supported.",
		},
		"no network configuration": {
			service(func(*stack) in { return in{"networkConfiguration": nil} }),
			"Network Configuration must be provided when networkMode 'awsvpc' is specified.",
		},
		"task definition that does not exist": {
			service(func(*stack) in { return in{"taskDefinition": "codeflow-blue:9"} }), "TaskDefinition not found.",
		},
		"task definition that was deregistered": {
			func(s *stack) error {
				gone := s.create("ecs/taskDefinition", "gone", s.definitionIn(testImage).with(in{"skipDestroy": false}))
				if err := s.delete(gone); err != nil {
					return err
				}
				_, err := s.tryUpdate(s.service, s.serviceIn().with(in{"taskDefinition": gone.out.str("arn")}))
				return err
			},
			"TaskDefinition not found.",
		},
		"image that is not in the registry": {
			func(s *stack) error {
				missing := s.create("ecs/taskDefinition", "missing", s.definitionIn("codeflow@sha256:22"))
				_, err := s.try("ecs/service", "x", s.serviceIn().with(in{
					"name": "extra", "taskDefinition": missing.out.str("arn"),
				}))
				return err
			},
			"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " +
				"000000000000.dkr.ecr.eu-west-1.amazonaws.com/codeflow@sha256:22",
		},
		"deleting a cluster with services": {
			deleting(func(s *stack) made { return s.cluster }),
			"ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.",
		},
		"scaling a service that does not exist": {
			creating("appautoscaling/target", func(*stack) in { return scaling("none") }),
			"ValidationException: ECS service doesn't exist: service/codeflow-blue-cluster/none",
		},
		"scaling policy without target": {
			creating("appautoscaling/policy", func(*stack) in {
				policy := scaling("codeflow-blue-service").with(in{"policyType": "TargetTrackingScaling"})
				return policy.with(in{"minCapacity": nil, "maxCapacity": nil})
			}),
			"ObjectNotFoundException: No scalable target registered for service namespace: ecs",
		},
		"capacity bounds the wrong way round": {
			creating("appautoscaling/target", func(*stack) in { return scaling("codeflow-blue-service").with(in{"minCapacity": 9}) }),
			"Maximum capacity cannot be less than minimum capacity",
		},
	})
}

func scaling(service string) in {
	return in{
		"serviceNamespace": "ecs", "scalableDimension": "ecs:service:DesiredCount", "minCapacity": 2, "maxCapacity": 4,
		"resourceId": "service/codeflow-blue-cluster/" + service,
	}
}

// database is a database with its subnet group.
func (s *stack) database(change in) in {
	return in{
		"identifier": "codeflow", "instanceClass": "db.t4g.micro", "engine": "postgres", "engineVersion": "16.4",
		"allocatedStorage": 20, "dbSubnetGroupName": "codeflow", "vpcSecurityGroupIds": []string{s.group.id},
	}.with(change)
}

func (s *stack) subnetGroup() made {
	return s.create("rds/subnetGroup", "group", in{"name": "codeflow", "subnetIds": []string{s.subnetA.id, s.subnetB.id}})
}

func TestRefusesInData(t *testing.T) {
	t.Parallel()
	instance := func(change in) func(s *stack) error {
		return creating("rds/instance", func(s *stack) in { s.subnetGroup(); return s.database(change) })
	}
	dropping := func(change in) func(s *stack) error {
		return deleting(func(s *stack) made { s.subnetGroup(); return s.create("rds/instance", "db", s.database(change)) })
	}
	refusals(t, map[string]refusal{
		"subnet group in one zone": {
			creating("rds/subnetGroup", func(s *stack) in { return in{"name": "one", "subnetIds": []string{s.subnetA.id}} }),
			"DBSubnetGroupDoesNotCoverEnoughAZs: The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. " +
				"Current AZ coverage: eu-west-1a.",
		},
		"final snapshot of an earlier life": {
			func(s *stack) error {
				s.subnetGroup()
				database := s.database(in{"finalSnapshotIdentifier": "codeflow-final"})
				return errors.Join(s.delete(s.create("rds/instance", "db", database)), s.delete(s.create("rds/instance", "db", database)))
			},
			"DBSnapshotAlreadyExists: Cannot create the snapshot because a snapshot with the identifier codeflow-final already exists.",
		},
		"database without its subnet group": {
			creating("rds/instance", func(s *stack) in { return s.database(nil) }), "DBSubnetGroupNotFoundFault",
		},
		"parameter group of another version": {
			func(s *stack) error {
				s.create("rds/parameterGroup", "p", in{"name": "pg15", "family": "postgres15"})
				return instance(in{"parameterGroupName": "pg15"})(s)
			},
			"Please use a Parameter Group with DBParameterGroupFamily postgres16",
		},
		"storage bound below the storage": {
			instance(in{"maxAllocatedStorage": 20}), "Max storage size must be greater than storage size",
		},
		"monitoring without role": {instance(in{"monitoringInterval": 60}), "A MonitoringRoleARN value is required"},
		"reserved user name":      {instance(in{"username": "admin"}), "MasterUsername admin cannot be used"},
		"KMS key that does not exist": {
			instance(in{"kmsKeyId": "arn:aws:kms:eu-west-1:000000000000:key/none", "storageEncrypted": true}), "NotFoundException: Key '",
		},
		"deleting a protected database": {
			dropping(in{"deletionProtection": true, "skipFinalSnapshot": true}), "Cannot delete protected DB Instance",
		},
		"deleting a database without a last snapshot": {
			dropping(nil), "final_snapshot_identifier is required when skip_final_snapshot is false",
		},
		"deleting a subnet group in use": {
			func(s *stack) error {
				group := s.subnetGroup()
				s.create("rds/instance", "db", s.database(nil))
				return s.delete(group)
			},
			"InvalidDBSubnetGroupStateFault: Cannot delete the subnet group 'codeflow' because at least one database instance",
		},
		"bucket name taken": {
			func(s *stack) error {
				s.create("s3/bucketV2", "b", in{"bucket": "taken"})
				_, err := s.in("us-east-1", nil).try("s3/bucketV2", "b2", in{"bucket": "taken"})
				return err
			},
			"BucketAlreadyOwnedByYou",
		},
		"deleting a bucket with objects": {
			deleting(func(s *stack) made {
				bucket := s.create("s3/bucketV2", "b", in{"bucket": "full"})
				s.create("s3/bucketObjectv2", "o", in{"bucket": "full", "key": "index.html", "content": "hello"})
				return bucket
			}),
			"BucketNotEmpty: The bucket you tried to delete is not empty",
		},
		"policy that is not JSON": {
			creating("iam/role", func(*stack) in { return in{"assumeRolePolicy": "{"} }),
			"MalformedPolicyDocument: assumeRolePolicy: This policy contains invalid Json",
		},
		"policy for a role that does not exist": {
			creating("iam/rolePolicy", func(*stack) in { return in{"role": "none", "policy": trustECS} }),
			"NoSuchEntity: The role with name none cannot be found.",
		},
		"deleting a role with a policy": {
			deleting(func(s *stack) made {
				s.create("iam/rolePolicy", "p", in{"role": s.role.id, "policy": trustECS})
				return s.role
			}),
			"DeleteConflict: Cannot delete entity, must detach all policies first.",
		},
		"role name taken": {
			creating("iam/role", func(s *stack) in { return in{"name": s.role.id, "assumeRolePolicy": trustECS} }),
			"EntityAlreadyExists: Role with name role-",
		},
		"repository name taken": {
			func(s *stack) error {
				s.create("ecr/repository", "r", in{"name": "codeflow"})
				_, err := s.try("ecr/repository", "r2", in{"name": "codeflow"})
				return err
			},
			"RepositoryAlreadyExistsException",
		},
		"deleting a repository with images": {
			deleting(func(s *stack) made { return s.create("ecr/repository", "r", in{"name": "codeflow"}) }),
			"RepositoryNotEmptyException: The repository with name 'codeflow' in registry with id '000000000000' cannot be deleted",
		},
		"parameter with a reserved name": {
			creating("ssm/parameter", func(*stack) in { return in{"name": "/aws/x", "type": "String", "value": "v"} }),
			"Parameter name: can't be prefixed with",
		},
		"parameter name taken": {
			func(s *stack) error {
				parameter := in{"name": "/codeflow/x", "type": "String", "value": "v"}
				s.create("ssm/parameter", "p", parameter)
				_, err := s.try("ssm/parameter", "p2", parameter)
				return err
			},
			"ParameterAlreadyExists",
		},
		"log group name taken": {
			creating("cloudwatch/logGroup", func(s *stack) in { return in{"name": s.logs.id} }),
			"ResourceAlreadyExistsException: The specified log group already exists",
		},
		"retention that does not exist": {
			creating("cloudwatch/logGroup", func(*stack) in { return in{"retentionInDays": 31} }), "expected retention_in_days to be one of",
		},
		"alarm with an odd period": {
			creating("cloudwatch/metricAlarm", func(*stack) in {
				return alarm(in{"period": 45})
			}),
			"a multiple of 60",
		},
		"alarm that calls another region": {
			creating("cloudwatch/metricAlarm", func(*stack) in {
				return alarm(in{"alarmActions": []string{"arn:aws:sns:us-east-1:000000000000:t"}})
			}),
			"Invalid region us-east-1 specified. Only eu-west-1 is supported.",
		},
		"alarm with more points than periods": {
			creating("cloudwatch/metricAlarm", func(*stack) in {
				return alarm(in{"datapointsToAlarm": 5})
			}),
			"DatapointsToAlarm",
		},
		"alarm without metric": {
			creating("cloudwatch/metricAlarm", func(*stack) in {
				return alarm(in{"metricName": nil})
			}),
			"exactly one of metricName, metricQueries",
		},
		"dashboard that is not JSON": {
			creating("cloudwatch/dashboard", func(*stack) in {
				return in{"dashboardName": "d", "dashboardBody": "{"}
			}),
			"must be a valid JSON object",
		},
		"subscription with an unknown protocol": {creating("sns/topicSubscription", func(s *stack) in {
			topic := s.create("sns/topic", "t", in{})
			return in{"topic": topic.id, "protocol": "pigeon", "endpoint": "x"}
		}), "Does not support this protocol string: pigeon"},
		"alias without its prefix": {creating("kms/alias", func(s *stack) in {
			key := s.create("kms/key", "k", in{})
			return in{"name": "codeflow", "targetKeyId": key.id}
		}), "must begin with 'alias/'"},
		"key deleted too soon": {
			creating("kms/key", func(*stack) in {
				return in{"deletionWindowInDays": 1}
			}),
			"in the range (7 - 30)",
		},
		"secret name taken": {
			func(s *stack) error {
				s.create("secretsmanager/secret", "s", in{"name": "codeflow"})
				_, err := s.try("secretsmanager/secret", "s2", in{"name": "codeflow"})
				return err
			},
			"ResourceExistsException: The operation failed because the secret codeflow already exists.",
		},
	})
}

func alarm(change in) in {
	return in{
		"comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 3, "metricName": "CPUUtilization",
		"namespace": "AWS/ECS", "period": 60, "statistic": "Average", "threshold": 80,
	}.with(change)
}
