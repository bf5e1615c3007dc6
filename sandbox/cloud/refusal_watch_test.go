package cloud

import "testing"

func TestRefusesInWatching(t *testing.T) {
	t.Parallel()
	composite := func(rule string) func(s *stack) error {
		return creating("cloudwatch/compositeAlarm", func(s *stack) in {
			s.create("cloudwatch/metricAlarm", "cpu", alarm(in{"name": "cpu"}))
			return in{"alarmName": "all", "alarmRule": rule}
		})
	}
	subscribe := func(protocol, endpoint string, more in) func(s *stack) error {
		return creating("sns/topicSubscription", func(s *stack) in {
			return in{"topic": s.create("sns/topic", "t", in{}).id, "protocol": protocol, "endpoint": endpoint}.with(more)
		})
	}
	health := func(inputs in) func(s *stack) error {
		return creating("route53/healthCheck", func(*stack) in {
			return in{"type": "HTTPS", "fqdn": testDomain, "port": 443}.with(inputs)
		})
	}
	watching := func(inputs in) func(s *stack) error {
		return creating("route53/healthCheck", func(s *stack) in {
			s.create("cloudwatch/metricAlarm", "watched", alarm(in{"name": "watched"}).with(inputs))
			return in{"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "watched", "cloudwatchAlarmRegion": testRegion}
		})
	}
	target := func(inputs in) func(s *stack) error {
		return creating("cloudwatch/eventTarget", func(s *stack) in {
			s.create("cloudwatch/eventRule", "r", in{"name": "r", "scheduleExpression": "rate(1 hour)"})
			return in{"rule": "r", "arn": "arn:aws:sns:eu-west-1:000000000000:t"}.with(inputs)
		})
	}
	event := func(inputs in) func(s *stack) error {
		return creating("cloudwatch/eventRule", func(*stack) in { return inputs })
	}
	sampling := func(change in) func(s *stack) error {
		return creating("xray/samplingRule", func(*stack) in { return samplingRule(change) })
	}
	refusals(t, map[string]refusal{
		"composite of no alarm": {
			composite("ALARM(cpu) OR ALARM(none)"),
			"ValidationError: Could not save the composite alarm as alarms [none] in the alarm rule do not exist",
		},
		"composite with a wrong word": {
			composite("ALARM(cpu) & ALARM(cpu)"), "Error in AlarmRule [Unsupported token '&' at char 11]",
		},
		"composite of nothing":      {composite("()"), "Error in AlarmRule [Unsupported token ')' at char 1]"},
		"composite with a new line": {composite("ALARM(cpu)\n"), "AlarmRule must not contain leading or trailing whitespace"},
		"composite with the name of an alarm": {
			creating("cloudwatch/compositeAlarm", func(s *stack) in {
				s.create("cloudwatch/metricAlarm", "cpu", alarm(in{"name": "cpu"}))
				return in{"alarmName": "cpu", "alarmRule": "ALARM(cpu)"}
			}),
			"The alarm cpu already exists in the region",
		},
		"composite that calls another region": {
			creating("cloudwatch/compositeAlarm", func(*stack) in {
				return in{"alarmName": "x", "alarmRule": "TRUE", "alarmActions": []string{"arn:aws:sns:us-east-1:000000000000:t"}}
			}),
			"Invalid region us-east-1 specified.",
		},
		"deleting an alarm in a composite": {
			deleting(func(s *stack) made {
				cpu := s.create("cloudwatch/metricAlarm", "cpu", alarm(in{"name": "cpu"}))
				s.create("cloudwatch/compositeAlarm", "all", in{"alarmName": "all", "alarmRule": "ALARM(cpu)"})
				return cpu
			}),
			"Cannot delete cpu as there are composite alarm(s) depending on it.",
		},
		"mail to no address":      {subscribe("email", "ops", in{}), "InvalidParameter: Invalid parameter: Email address"},
		"https to http":           {subscribe("https", "http://x", in{}), "Endpoint must match the specified protocol"},
		"text to no number":       {subscribe("sms", "112", in{}), "Invalid parameter: Invalid phone number: 112"},
		"queue without ARN":       {subscribe("sqs", "queue", in{}), "Invalid parameter: SQS endpoint ARN"},
		"filter that is not JSON": {subscribe("email", "ops@example.com", in{"filterPolicy": "x"}), "must be a valid JSON object"},
		"rule for nothing":        {event(in{"name": "r"}), "EventPattern or ScheduleExpression must be specified."},
		"rule with a cron expression of Unix": {
			event(in{"scheduleExpression": "cron(0 3 * * *)"}), "Parameter ScheduleExpression is not valid.",
		},
		"rule with a pattern that is not JSON": {event(in{"eventPattern": "{"}), "InvalidEventPatternException"},
		"rule of another bus": {
			event(in{"eventPattern": "{}", "eventBusName": "mine"}), "ResourceNotFoundException: Event bus mine does not exist.",
		},
		"target of no rule": {
			target(in{"rule": "none"}), "ResourceNotFoundException: Rule none does not exist on EventBus default.",
		},
		"task without role": {
			target(in{"arn": "arn:aws:ecs:eu-west-1:000000000000:cluster/c"}), "RoleArn is required for target",
		},
		"target with two inputs": {target(in{"input": "{}", "inputPath": "$"}), "only one of input, inputPath, inputTransformer"},
		"target without ARN":     {target(in{"arn": "t"}), "Provided Arn is not in correct format."},
		"sixth target": {
			func(s *stack) error {
				s.create("cloudwatch/eventRule", "r", in{"name": "r", "scheduleExpression": "rate(1 hour)"})
				inputs := in{"rule": "r", "arn": "arn:aws:sns:eu-west-1:000000000000:t"}
				for range maxTargets {
					s.create("cloudwatch/eventTarget", "t", inputs)
				}
				_, err := s.try("cloudwatch/eventTarget", "t", inputs)
				return err
			},
			"LimitExceededException",
		},
		"deleting a rule with targets": {
			deleting(func(s *stack) made {
				rule := s.create("cloudwatch/eventRule", "r", in{"name": "r", "scheduleExpression": "rate(1 hour)"})
				s.create("cloudwatch/eventTarget", "t", in{"rule": "r", "arn": "arn:aws:sns:eu-west-1:000000000000:t"})
				return rule
			}),
			"ValidationException: Rule can't be deleted since it has targets.",
		},
		"health check of nothing":       {health(in{"fqdn": nil}), "must have an IP address or a fully qualified domain name"},
		"health check of a type":        {health(in{"type": "PING"}), "expected type to be one of"},
		"health check every 20 seconds": {health(in{"requestInterval": 20}), "expected request_interval to be one of [10 30], got 20"},
		"health check that never fails": {health(in{"failureThreshold": 11}), "to be in the range (1 - 10), got 11"},
		"health check for no text":      {health(in{"type": "HTTPS_STR_MATCH"}), "must have a search string specified."},
		"health check without alarm":    {health(in{"type": "CLOUDWATCH_METRIC"}), "must have an alarm name and a region specified."},
		"health check without children": {health(in{"type": "CALCULATED"}), "must have child health checks specified."},
		"health check of a missing one": {health(in{"type": "CALCULATED", "childHealthchecks": []string{"x"}}), "NoSuchHealthCheck"},
		"health check with alarm":       {health(in{"cloudwatchAlarmRegion": "us-east-1"}), "must not have an metric region specified."},
		"health check of no alarm": {
			health(in{"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "none", "cloudwatchAlarmRegion": testRegion}),
			"The alarm none does not exist in eu-west-1.",
		},
		"health check of an expression": {
			watching(in{"metricQueries": []any{map[string]any{"id": "a", "expression": "1", "returnData": true}}, "statistic": nil, "namespace": nil, "metricName": nil, "period": nil}),
			"alarms that are based on metric math",
		},
		"health check of a percentile":      {watching(in{"statistic": nil, "extendedStatistic": "p95"}), "alarms with one of the statistics"},
		"health check of M out of N":        {watching(in{"evaluationPeriods": 3, "datapointsToAlarm": 2}), `"M out of N"`},
		"health check of a high resolution": {watching(in{"period": 10}), "standard-resolution metrics only"},
		"record with no health check": {
			creating("route53/record", func(s *stack) in { return s.a("x").with(in{"healthCheckId": "none"}) }), "NoSuchHealthCheck",
		},
		"sampling with no priority":    {sampling(in{"priority": 0}), "expected priority to be in the range (1 - 9999), got 0"},
		"sampling more than all":       {sampling(in{"fixedRate": 5}), "FixedRate must be between 0 and 1, got 5"},
		"sampling less than none":      {sampling(in{"reservoirSize": -1}), "expected reservoir_size to be at least (0), got -1"},
		"sampling without name":        {sampling(in{"ruleName": nil}), "expected length of rule_name to be in the range (1 - 32)"},
		"sampling of a future version": {sampling(in{"version": 2}), "Unsupported sampling rule version: 2"},
		"group of a reserved name": {
			creating("xray/group", func(*stack) in { return in{"groupName": "Default", "filterExpression": "ok"} }),
			"Invalid group name: Default",
		},
		"group that notifies of nothing": {
			creating("xray/group", func(*stack) in {
				return in{"groupName": "g", "filterExpression": "ok", "insightsConfiguration": in{
					"insightsEnabled": false, "notificationsEnabled": true,
				}}
			}),
			"Notifications cannot be enabled when insights are not",
		},
	})
}

func TestRefusesInTheAccount(t *testing.T) {
	t.Parallel()
	trail := func(policy string, more in) func(s *stack) error {
		return creating("cloudtrail/trail", func(s *stack) in {
			s.create("s3/bucketV2", "trail", in{"bucket": "trail"})
			s.create("s3/bucketPolicy", "trail", in{"bucket": "trail", "policy": policy})
			return in{"name": "trail", "s3BucketName": "trail"}.with(more)
		})
	}
	rotating := func(change in) func(s *stack) error {
		return creating("secretsmanager/secretRotation", func(s *stack) in {
			return s.rotation(s.create("secretsmanager/secret", "s", in{}), 30).with(change)
		})
	}
	rule := func(change in) func(s *stack) error {
		return creating("lb/listenerRule", func(s *stack) in { return s.ruleIn(10).with(change) })
	}
	costs := func(change in) func(s *stack) error {
		return creating("budgets/budget", func(*stack) in { return budget(change) })
	}
	refusals(t, map[string]refusal{
		"trail to no bucket": {
			trail(trailPolicy, in{"s3BucketName": "none"}), "S3BucketDoesNotExistException: S3 bucket none does not exist!",
		},
		"trail to a bucket that does not let it in": {
			trail(trustECS, in{}),
			"InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected for bucket: trail",
		},
		"trail to a log group without its star": {
			func(s *stack) error { return trail(trailPolicy, in{"cloudWatchLogsGroupArn": s.logs.out["arn"]})(s) },
			"CloudTrail cannot validate the specified log group ARN",
		},
		"trail to a log group without role": {
			func(s *stack) error {
				return trail(trailPolicy, in{"cloudWatchLogsGroupArn": s.logs.out.str("arn") + ":*"})(s)
			},
			"InvalidCloudWatchLogsRoleArnException",
		},
		"trail with a short name": {trail(trailPolicy, in{"name": "t"}), "InvalidTrailNameException"},
		"trail name taken": {
			func(s *stack) error {
				if err := trail(trailPolicy, in{})(s); err != nil {
					return err
				}
				_, err := s.try("cloudtrail/trail", "second", in{"name": "trail", "s3BucketName": "trail"})
				return err
			},
			"TrailAlreadyExistsException: Trail trail already exists for customer: 000000000000",
		},
		"rotation without function": {
			rotating(in{"rotationLambdaArn": nil}),
			"InvalidRequestException: No Lambda rotation function ARN is associated with this secret.",
		},
		"rotation by a function elsewhere": {
			rotating(in{"rotationLambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:r"}),
			"Secrets Manager cannot invoke the specified Lambda function.",
		},
		"rotation every three years": {
			rotating(in{"rotationRules": in{"automaticallyAfterDays": 1001}}), "Member must have value between 1 and 1000",
		},
		"rotation without a time": {rotating(in{"rotationRules": in{}}), "exactly one of automaticallyAfterDays, scheduleExpression"},
		"rotation at no time": {
			rotating(in{"rotationRules": in{"scheduleExpression": "daily"}}), "schedule expression daily is not valid",
		},
		"rotation of no secret": {rotating(in{"secretId": "none"}), "Secrets Manager can't find the specified secret."},
		"secret for everybody": {
			creating("secretsmanager/secretPolicy", func(s *stack) in {
				secret := s.create("secretsmanager/secret", "s", in{})
				return in{"secretArn": secret.id, "policy": publicPolicy, "blockPublicPolicy": true}
			}),
			"PublicPolicyException",
		},
		"listener rule with no priority": {rule(in{"priority": 0}), "must be in the range 1-50000 for normal rule"},
		"listener rule with a priority that is taken": {
			func(s *stack) error {
				s.create("lb/listenerRule", "first", s.ruleIn(10))
				return rule(in{})(s)
			},
			"PriorityInUse: Priority '10' is currently in use",
		},
		"listener rule to another VPC": {
			creating("lb/listenerRule", func(s *stack) in {
				vpc := s.create("ec2/vpc", "other", in{"cidrBlock": "10.9.0.0/16"})
				group := s.create("lb/targetGroup", "far", in{"port": 1, "protocol": "HTTP", "targetType": "ip", "vpcId": vpc.id})
				return s.ruleIn(10).with(in{"actions": []any{in{"type": "forward", "targetGroupArn": group.id}}})
			}),
			"The following target groups are not in the same VPC as load balancer",
		},
		"listener rule to nothing": {
			rule(in{"actions": []any{in{"type": "forward"}}}), "a forward action needs targetGroupArn or forward",
		},
		"listener rule with a double condition": {
			rule(in{"conditions": []any{in{"pathPattern": in{"values": []string{"/"}}, "sourceIp": in{"values": []string{"::/0"}}}}}),
			"conditions[0]: exactly one of",
		},
		"listener rule of no listener": {rule(in{"listenerArn": "arn:none"}), "ListenerNotFound: One or more listeners not found"},
		"budget of an unknown type":    {costs(in{"budgetType": "MONEY"}), "expected budget_type to be one of"},
		"budget by the week":           {costs(in{"timeUnit": "WEEKLY"}), "expected time_unit to be one of"},
		"budget without unit":          {costs(in{"limitUnit": nil}), "limitAmount and limitUnit must be set together"},
		"budget that tells nobody": {
			costs(in{"notifications": []any{in{
				"comparisonOperator": "GREATER_THAN", "notificationType": "ACTUAL", "threshold": 80, "thresholdType": "PERCENTAGE",
			}}}),
			"must have at least one subscriber",
		},
		"budget name taken": {
			func(s *stack) error {
				s.create("budgets/budget", "b", budget(in{}))
				return costs(in{})(s)
			},
			"DuplicateRecordException: Error creating budget: monthly - the budget already exists.",
		},
	})
}
