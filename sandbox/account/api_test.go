//go:build linux

package account_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
)

// pager is one of the SDK's paginators.
type pager interface{ HasMorePages() bool }

// ofOne counts the elements of pages that may have one each.
func ofOne(t *testing.T, p pager, next func() (elements int, err error)) (total int) {
	t.Helper()
	for p.HasMorePages() {
		n, err := next()
		require.NoError(t, err)
		require.LessOrEqual(t, n, 1)
		total += n
	}
	return total
}

func (w *world) pages(t *testing.T) {
	cfg, ctx := w.aws(account.Administrator), t.Context()
	tasks := ecs.NewListTasksPaginator(ecs.NewFromConfig(cfg), &ecs.ListTasksInput{Cluster: aws.String("codeflow-blue-cluster"), MaxResults: aws.Int32(1)})
	assert.Equal(t, 3, ofOne(t, tasks, func() (int, error) { page, err := tasks.NextPage(ctx); return len(page.TaskArns), err }))
	alarms := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(cfg), &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(1)})
	assert.Equal(t, 4, ofOne(t, alarms, func() (int, error) { page, err := alarms.NextPage(ctx); return len(page.MetricAlarms), err }))
	records := route53.NewListResourceRecordSetsPaginator(route53.NewFromConfig(cfg), &route53.ListResourceRecordSetsInput{HostedZoneId: &w.zone, MaxItems: aws.Int32(1)})
	assert.Equal(t, 2, ofOne(t, records, func() (int, error) { page, err := records.NextPage(ctx); return len(page.ResourceRecordSets), err }))
	balancers := elb.NewDescribeLoadBalancersPaginator(elb.NewFromConfig(cfg), &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(1)})
	assert.Equal(t, 2, ofOne(t, balancers, func() (int, error) { page, err := balancers.NextPage(ctx); return len(page.LoadBalancers), err }))
	_, err := ecs.NewFromConfig(cfg).ListClusters(ctx, &ecs.ListClustersInput{NextToken: aws.String("-1")})
	require.ErrorContains(t, err, "InvalidNextToken")
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::000000000000:assumed-role/administrator/sandbox", *caller.Arn)
}

// partial is what CloudWatch says when it does not know all.
func (w *world) partial(t *testing.T) {
	for _, status := range []string{"PartialData", "InternalError", "missing"} {
		fault := "api-partial=" + status + ":cloudwatch:GetMetricData"
		require.NoError(t, w.SetFault(fault, true))
		assert.Contains(t, w.status().Faults, fault)
		requests, err := w.seen.Requests(t.Context(), "blue", 24*time.Second)
		require.NoError(t, err)
		assert.NotEmpty(t, requests.Unknown, status)
		require.NoError(t, w.SetFault(fault, false))
	}
}

// cli holds the answers of the AWS CLI against those of the traffic controller.
func (w *world) cli(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed (pip install awscli): its answers are not compared")
	}
	access, err := w.Access("codeflow-operator-prod")
	require.NoError(t, err)
	ask := func(into any, arguments ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append(arguments, "--output", "json")...)
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }),
			"AWS_ENDPOINT_URL="+access.URL, "AWS_DEFAULT_REGION="+region, "AWS_ACCESS_KEY_ID="+access.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY="+access.SecretAccessKey, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
		var problems strings.Builder
		cmd.Stderr = &problems
		out, err := cmd.Output()
		require.NoError(t, err, problems.String())
		require.NoError(t, json.Unmarshal(out, into), string(out))
	}
	var services []struct {
		DesiredCount, RunningCount int
		TaskDefinition             string
		LoadBalancers              []struct{ TargetGroupArn string }
	}
	ask(&services, "ecs", "describe-services", "--cluster", "codeflow-green-cluster", "--services", "codeflow-green-service", "--query", "services")
	require.Len(t, services, 1)
	var targets, alarms []string
	ask(&targets, "elbv2", "describe-target-health", "--target-group-arn", services[0].LoadBalancers[0].TargetGroupArn,
		"--query", "TargetHealthDescriptions[].TargetHealth.State")
	ask(&alarms, "cloudwatch", "describe-alarms", "--alarm-name-prefix", "codeflow-green-", "--state-value", "ALARM", "--query", "MetricAlarms[].AlarmName")
	var records []struct {
		Name, SetIdentifier string
		Weight              *int
	}
	ask(&records, "route53", "list-resource-record-sets", "--hosted-zone-id", w.zone, "--query", "ResourceRecordSets")

	green, err := w.seen.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, []any{green.Desired, green.Running, green.TaskDefinition},
		[]any{services[0].DesiredCount, services[0].RunningCount, services[0].TaskDefinition})
	count := func(state string) (n int) {
		for _, target := range targets {
			if target == state {
				n++
			}
		}
		return n
	}
	counted := ops.Targets{Healthy: count("healthy"), Unhealthy: count("unhealthy"), Starting: count("initial")}
	assert.Equal(t, green.Targets, counted, "%q", targets)
	assert.Equal(t, green.Alarms, alarms)
	weights := ops.Weights{}
	for _, r := range records {
		if r.Name == "live."+domain+"." && r.Weight != nil {
			weights[r.SetIdentifier] = *r.Weight
		}
	}
	seen, err := w.seen.Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, seen, weights)
}
