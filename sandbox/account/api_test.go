//go:build linux

package account_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
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
	assert.Equal(t, "arn:aws:iam::000000000000:user/administrator", *caller.Arn)
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

// s3 sends a signed request, without S3's SDK, which takes long to compile.
func (w *world) s3(method, path, header, value, body string) (status int, answer string, headers http.Header) {
	w.t.Helper()
	access, err := w.Access(account.Administrator)
	require.NoError(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), method, access.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if header != "" {
		request.Header.Set(header, value)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	require.NoError(w.t, signer.SignHTTP(w.t.Context(), aws.Credentials{AccessKeyID: access.AccessKeyID, SecretAccessKey: access.SecretAccessKey},
		request, hash, "s3", region, time.Now()))
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return response.StatusCode, string(text), response.Header
}

// TestObjects goes through the conditional requests of a lock and a state file.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
func TestObjects(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{OnPaper: true})
	w.seed("s3/bucketV2", in{"bucket": "state"})
	const key, etag = "/state/.pulumi/locks/a%20b.json", `"900150983cd24fb0d6963f7d28e17f72"` // of abc
	for i, c := range []struct {
		method, path, header, value, body string
		status                            int
		answer                            string
	}{
		{"GET", key, "", "", "", 404, "<Code>NoSuchKey</Code>"},
		{"PUT", "/none/a", "", "", "abc", 404, "<Code>NoSuchBucket</Code>"},
		{"PUT", key, "If-Match", etag, "abc", 404, "<Code>NoSuchKey</Code>"},
		{"PUT", key, "If-None-Match", "*", "abc", 200, ""},
		{"PUT", key, "If-None-Match", "*", "other", 412, "<Code>PreconditionFailed</Code>"},
		{"PUT", key, "If-Match", `"0"`, "other", 412, "<Code>PreconditionFailed</Code>"},
		{"GET", key, "", "", "", 200, "abc"},
		{"HEAD", key, "", "", "", 200, ""},
		{"PUT", "/state/b", "", "", "", 200, ""},
		{"GET", "/state?list-type=2&prefix=.pulumi%2F", "", "", "", 200, "<Key>.pulumi/locks/a b.json</Key>"},
		{"GET", "/state?list-type=2&max-keys=1", "", "", "", 200, "<NextContinuationToken>1</NextContinuationToken>"},
		{"GET", "/state?list-type=2&continuation-token=1", "", "", "", 200, "<IsTruncated>false</IsTruncated><Contents><Key>b</Key>"},
		{"DELETE", key, "If-Match", `"0"`, "", 412, "<Code>PreconditionFailed</Code>"},
		{"DELETE", key, "If-Match", etag, "", 200, ""},
		{"DELETE", key, "", "", "", 200, ""},
		{"GET", key, "", "", "", 404, "<Code>NoSuchKey</Code>"},
		{"POST", key, "", "", "", 400, "the sandbox does not know s3:POST " + strings.ReplaceAll(key, "%20", " ")},
	} {
		status, answer, headers := w.s3(c.method, c.path, c.header, c.value, c.body)
		assert.Equal(t, c.status, status, "%d: %s", i, answer)
		assert.Contains(t, answer, c.answer, i)
		if c.answer == "abc" {
			assert.Equal(t, etag, headers.Get("Etag"))
		}
	}
	opstest.StoreContract(t, opsaws.NewObject(w.aws(account.Administrator), "state", "ops/prod.json"))
	require.NoError(t, w.SetFault("api-error=409:s3:PutObject", true))
	status, answer, _ := w.s3("PUT", key, "If-None-Match", "*", "abc")
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, answer, "<Code>ConditionalRequestConflict</Code>")
}

func TestChangeRecords(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{OnPaper: true})
	client := route53.NewFromConfig(w.aws(account.Administrator))
	change := func(action types.ChangeAction, name string, ttl int64) types.Change {
		return types.Change{Action: action, ResourceRecordSet: &types.ResourceRecordSet{
			Name: aws.String(name + "." + domain + "."), Type: types.RRTypeTxt, TTL: &ttl, ResourceRecords: []types.ResourceRecord{{Value: aws.String(`"x"`)}},
		}}
	}
	list := func() (all []string) {
		out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: &w.zone})
		require.NoError(t, err)
		for _, r := range out.ResourceRecordSets {
			all = append(all, fmt.Sprintf("%s %d", strings.TrimSuffix(*r.Name, "."+domain+"."), *r.TTL))
		}
		return all
	}
	const create, upsert, remove = types.ChangeActionCreate, types.ChangeActionUpsert, types.ChangeActionDelete
	for i, c := range []struct {
		changes []types.Change
		problem string
		want    []string
	}{
		{[]types.Change{change(create, "a", 30), change(create, "b", 30)}, "", []string{"a 30", "b 30"}},
		{[]types.Change{change(remove, "a", 30), change(create, "b", 60)}, "but it already exists", []string{"a 30", "b 30"}},
		{[]types.Change{change(remove, "a", 60)}, "do not match the current values", []string{"a 30", "b 30"}},
		{[]types.Change{change(remove, "c", 30)}, "but it was not found", []string{"a 30", "b 30"}},
		{[]types.Change{change(remove, "a", 30), change(create, "a", 60), change(upsert, "c", 5)}, "", []string{"a 60", "b 30", "c 5"}},
		{[]types.Change{change(remove, "a", 60), change(upsert, "c", 6)}, "", []string{"b 30", "c 6"}},
	} {
		_, err := client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: &w.zone, ChangeBatch: &types.ChangeBatch{Changes: c.changes},
		})
		var refused *types.InvalidChangeBatch
		if c.problem == "" {
			require.NoError(t, err, i)
		} else if assert.ErrorAs(t, err, &refused, i) {
			assert.ErrorContains(t, err, c.problem, i)
		}
		assert.Equal(t, c.want, list(), i)
	}
}
