// These tests ask with the SDKs that the traffic controller has. They do not prove that
// AWS answers so; the contract of package opstest does, by moto.
package awsapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
)

const role = "arn:aws:sts::000000000000:assumed-role/operator/sandbox"

// echo remembers its last input, and answers with an output or an error.
type echo[I, O any] struct {
	got *I
	out *O
	err error
}

func (e *echo[I, O]) operation() awsapi.Operation {
	return awsapi.Do(func(_ context.Context, in *I) (*O, error) { e.got = in; return e.out, e.err })
}

// world is a server with one operation of each protocol.
type world struct {
	*awsapi.Server
	services echo[ecs.DescribeServicesInput, ecs.DescribeServicesOutput]
	metrics  echo[cloudwatch.GetMetricDataInput, cloudwatch.GetMetricDataOutput]
	records  echo[route53.ListResourceRecordSetsInput, route53.ListResourceRecordSetsOutput]
	changes  echo[route53.ChangeResourceRecordSetsInput, route53.ChangeResourceRecordSetsOutput]
}

func serve(t *testing.T, authorize awsapi.Authorize) *world {
	t.Helper()
	w := &world{}
	w.services.out = &ecs.DescribeServicesOutput{}
	var err error
	w.Server, err = awsapi.Serve([]awsapi.Service{
		{SigningName: "ecs", LowerCase: true, Operations: map[string]awsapi.Operation{
			"DescribeServices": awsapi.Needs(w.services.operation(), func(_ context.Context, in *ecs.DescribeServicesInput) awsapi.Permission {
				return awsapi.Permission{Action: "Describe", Resources: in.Services, Conditions: map[string][]string{"ecs:cluster": {"c"}}}
			}),
		}},
		{SigningName: "monitoring", Prefix: "cloudwatch", Operations: map[string]awsapi.Operation{"GetMetricData": w.metrics.operation()}},
		{
			SigningName: "route53", Operations: map[string]awsapi.Operation{
				"ListResourceRecordSets": w.records.operation(), "ChangeResourceRecordSets": w.changes.operation(),
			},
			Routes: map[string]string{
				"GET /2013-04-01/hostedzone/{HostedZoneId}/rrset":  "ListResourceRecordSets",
				"POST /2013-04-01/hostedzone/{HostedZoneId}/rrset": "ChangeResourceRecordSets",
			},
			Parameters: map[string]map[string]string{"ListResourceRecordSets": {"name": "StartRecordName", "maxitems": "MaxItems"}},
		},
	}, authorize)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// config is a role's.
func (w *world) config() aws.Config {
	key := w.Key(role)
	return config(w.URL, key.AccessKeyID, key.SecretAccessKey)
}

func config(url, id, secret string) aws.Config {
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}
}

func (w *world) describe(t *testing.T, services ...string) (*ecs.DescribeServicesOutput, error) {
	t.Helper()
	return ecs.NewFromConfig(w.config()).DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: append([]string{}, services...)})
}

// code is that of AWS's error.
func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	return api.ErrorCode()
}

var at = time.Date(2026, 6, 1, 12, 0, 0, 500_000_000, time.UTC)

func TestJSON(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	w.services.out = &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{
		ServiceName: aws.String("a"), DesiredCount: 3, CreatedAt: &at, EnableExecuteCommand: true,
		Deployments: []ecstypes.Deployment{{RolloutState: ecstypes.DeploymentRolloutStateCompleted}},
	}}}
	got, err := w.describe(t, "a", "b")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, w.services.got.Services)
	assert.Equal(t, w.services.out.Services, got.Services)
	w.services.err = &ecstypes.ClusterNotFoundException{Message: aws.String("Cluster not found.")}
	_, err = w.describe(t, "a")
	var missing *ecstypes.ClusterNotFoundException
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "Cluster not found.", missing.ErrorMessage())
	_, err = ecs.NewFromConfig(w.config()).ListClusters(t.Context(), nil)
	assert.Equal(t, "UnknownOperationException", code(t, err))
	assert.ErrorContains(t, err, "the sandbox does not know ecs:ListClusters")
}

// queries are more than nine, whose order is not that of texts.
func queries() (all []cloudwatchtypes.MetricDataQuery) {
	for i := range 12 {
		all = append(all, cloudwatchtypes.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("q%d", i)), ReturnData: aws.Bool(i > 0), MetricStat: &cloudwatchtypes.MetricStat{
				Metric: &cloudwatchtypes.Metric{Dimensions: []cloudwatchtypes.Dimension{{Name: aws.String("A & B"), Value: aws.String("<1>")}}},
				Period: aws.Int32(int32(i)), Stat: aws.String("Sum"),
			},
		})
	}
	return all
}

func TestQuery(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	w.metrics.out = &cloudwatch.GetMetricDataOutput{NextToken: aws.String(`<&">`), MetricDataResults: []cloudwatchtypes.MetricDataResult{
		{Id: aws.String("q0"), Values: []float64{1.5, -2}, Timestamps: []time.Time{at, at}, StatusCode: cloudwatchtypes.StatusCodeComplete},
	}}
	in := &cloudwatch.GetMetricDataInput{MetricDataQueries: queries(), StartTime: aws.Time(at.Truncate(time.Second)), EndTime: aws.Time(at.Truncate(time.Second))}
	got, err := cloudwatch.NewFromConfig(w.config()).GetMetricData(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, in.MetricDataQueries, w.metrics.got.MetricDataQueries)
	assert.True(t, in.StartTime.Equal(*w.metrics.got.StartTime))
	assert.Equal(t, w.metrics.out.MetricDataResults, got.MetricDataResults)
	assert.Equal(t, `<&">`, *got.NextToken)
	w.metrics.err = &cloudwatchtypes.InvalidParameterCombinationException{Message: aws.String("so not")}
	_, err = cloudwatch.NewFromConfig(w.config()).GetMetricData(t.Context(), in)
	assert.Equal(t, "InvalidParameterCombination", code(t, err))
	_, err = cloudwatch.NewFromConfig(w.config()).ListDashboards(t.Context(), nil)
	assert.Equal(t, "InvalidAction", code(t, err))
}

func TestREST(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	w.records.out = &route53.ListResourceRecordSetsOutput{MaxItems: aws.Int32(2), IsTruncated: true, ResourceRecordSets: []route53types.ResourceRecordSet{{
		Name: aws.String("a."), Type: route53types.RRTypeA, Weight: aws.Int64(0), AliasTarget: &route53types.AliasTarget{
			DNSName: aws.String("b."), HostedZoneId: aws.String("Z2"), EvaluateTargetHealth: true,
		},
	}, {Name: aws.String("c."), Type: route53types.RRTypeTxt, ResourceRecords: []route53types.ResourceRecord{{Value: aws.String(`"x"`)}}}}}
	client := route53.NewFromConfig(w.config())
	got, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String("/hostedzone/Z1"), StartRecordName: aws.String("a.b"), MaxItems: aws.Int32(2),
	})
	require.NoError(t, err)
	assert.Equal(t, &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String("Z1"), StartRecordName: aws.String("a.b"), MaxItems: aws.Int32(2)}, w.records.got)
	assert.Equal(t, w.records.out.ResourceRecordSets, got.ResourceRecordSets)
	assert.True(t, got.IsTruncated)
	w.records.err = &route53types.NoSuchHostedZone{Message: aws.String("none")}
	_, err = client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String("Z1")})
	var missing *route53types.NoSuchHostedZone
	require.ErrorAs(t, err, &missing)
	w.changes.out = &route53.ChangeResourceRecordSetsOutput{ChangeInfo: &route53types.ChangeInfo{
		Id: aws.String("/change/C1"), Status: route53types.ChangeStatusPending, SubmittedAt: &at,
	}}
	for _, n := range []int{1, 2} { // XML tells a list from its only element by no sign.
		batch := &route53types.ChangeBatch{}
		for i := range n {
			set := w.records.out.ResourceRecordSets[i]
			batch.Changes = append(batch.Changes, route53types.Change{Action: route53types.ChangeActionDelete, ResourceRecordSet: &set})
		}
		changed, err := client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String("Z1"), ChangeBatch: batch})
		require.NoError(t, err)
		assert.Equal(t, batch, w.changes.got.ChangeBatch)
		assert.Equal(t, w.changes.out.ChangeInfo, changed.ChangeInfo)
	}
	_, err = client.GetHostedZoneCount(t.Context(), nil)
	assert.ErrorContains(t, err, "the sandbox does not know route53:GET /2013-04-01/hostedzonecount")
}

// TestCBOR asks as the AWS CLI does, whose SDK speaks CBOR to CloudWatch; Go's will.
func TestCBOR(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	w.metrics.out = &cloudwatch.GetMetricDataOutput{MetricDataResults: []cloudwatchtypes.MetricDataResult{
		{Id: aws.String("q"), Values: []float64{1.5}, Timestamps: []time.Time{at}},
	}}
	ask := func() (status int, answer cbor.Value) {
		body := cbor.Encode(cbor.Map{
			"StartTime":         &cbor.Tag{ID: 1, Value: cbor.Float64(at.UnixMilli()) / 1000},
			"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("q"), "ReturnData": cbor.Bool(true), "Period": cbor.Uint(60)}},
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/service/GraniteServiceVersion20100801/operation/GetMetricData", bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		hash := sha256.Sum256(body)
		require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), w.Key(role), request, hex.EncodeToString(hash[:]), "monitoring", "eu-central-1", time.Now()))
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		answer, err = cbor.Decode(text)
		require.NoError(t, err)
		return response.StatusCode, answer
	}
	status, answer := ask()
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, cbor.Map{"MetricDataResults": cbor.List{cbor.Map{
		"Id": cbor.String("q"), "Values": cbor.List{cbor.Float64(1.5)},
		"Timestamps": cbor.List{&cbor.Tag{ID: 1, Value: cbor.Float64(at.UnixMilli()) / 1000}},
	}}}, answer)
	assert.True(t, at.Equal(*w.metrics.got.StartTime))
	assert.Equal(t, []cloudwatchtypes.MetricDataQuery{{Id: aws.String("q"), ReturnData: aws.Bool(true), Period: aws.Int32(60)}}, w.metrics.got.MetricDataQueries)
	w.metrics.err = errors.New("it broke")
	status, answer = ask()
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Equal(t, cbor.Map{"__type": cbor.String("InternalFailure"), "message": cbor.String("it broke")}, answer)
}

func TestSignature(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	key := w.Key(role)
	assert.Equal(t, key, w.Key(role), "a role has one")
	assert.NotEqual(t, key.AccessKeyID, w.Key(role+"2").AccessKeyID)
	for want, c := range map[string]aws.Config{
		"UnrecognizedClientException": config(w.URL, "AKIAGUESSED", key.SecretAccessKey),
		"InvalidSignatureException":   config(w.URL, key.AccessKeyID, "guessed"),
	} {
		_, err := ecs.NewFromConfig(c).DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: []string{}})
		assert.Equal(t, want, code(t, err))
		_, err = cloudwatch.NewFromConfig(c).GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{MetricDataQueries: queries(), StartTime: &at, EndTime: &at})
		assert.Equal(t, map[string]string{"UnrecognizedClientException": "InvalidClientTokenId", "InvalidSignatureException": "SignatureDoesNotMatch"}[want], code(t, err))
	}
	response, err := http.Post(w.URL, "application/x-amz-json-1.1", strings.NewReader("{}"))
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, http.StatusBadRequest, response.StatusCode)
	assert.Nil(t, w.services.got, "nobody was let in")
	assert.Empty(t, w.Counts())
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	type call struct {
		principal, action, resource string
		conditions                  map[string][]string
	}
	var asked []call
	w := serve(t, func(_ context.Context, principal, action, resource string, conditions map[string][]string) error {
		if asked = append(asked, call{principal, action, resource, conditions}); resource == "forbidden" {
			return errors.New("User: somebody is not authorized to perform: ecs:DescribeServices")
		}
		return nil
	})
	_, err := w.describe(t, "a", "forbidden", "c")
	assert.Equal(t, "AccessDeniedException", code(t, err))
	assert.ErrorContains(t, err, "User: somebody is not authorized to perform: ecs:DescribeServices")
	assert.Nil(t, w.services.got)
	_, err = w.describe(t)
	require.NoError(t, err)
	conditions := map[string][]string{
		"aws:PrincipalArn": {role}, "aws:RequestedRegion": {"eu-central-1"}, "aws:SecureTransport": {"true"}, "ecs:cluster": {"c"},
	}
	assert.Equal(t, []call{{role, "ecs:Describe", "a", conditions}, {role, "ecs:Describe", "forbidden", conditions}, {role, "ecs:Describe", "*", conditions}}, asked)
	counts := []awsapi.Count{{Role: "operator", Service: "ecs", Calls: 2, Failed: 1}}
	assert.Equal(t, counts, w.Counts())
	var table strings.Builder
	require.NoError(t, awsapi.WriteCounts(&table, counts))
	assert.Equal(t, "role      service  calls  failed\noperator  ecs      2      1\n", table.String())
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := serve(t, nil)
	set := func(kind, value, scope string, on bool) { require.NoError(t, w.SetFault(kind, value, scope, on)) }
	ask := func() error { _, err := w.describe(t); return err }

	set(awsapi.FaultThrottle, "", "ecs:ListTasks", true)
	set(awsapi.FaultError, "", "cloudwatch", true)
	require.NoError(t, ask(), "other calls are not hurt")
	set(awsapi.FaultThrottle, "2", "ecs", true)
	require.NoError(t, ask())
	assert.Equal(t, "ThrottlingException", code(t, ask()))
	set(awsapi.FaultThrottle, "", "ecs", false)
	require.NoError(t, ask())
	set(awsapi.FaultError, "503", "", true)
	var response interface{ HTTPStatusCode() int }
	require.ErrorAs(t, ask(), &response)
	assert.Equal(t, http.StatusServiceUnavailable, response.HTTPStatusCode())
	assert.Equal(t, []string{"api-error=500:cloudwatch", "api-error=503", "api-throttle=1:ecs:ListTasks"}, w.Faults())
	set(awsapi.FaultError, "503", "", false)
	set(awsapi.FaultSlow, "1m", "ecs:DescribeServices", true)
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := ecs.NewFromConfig(w.config()).DescribeServices(impatient, &ecs.DescribeServicesInput{Services: []string{}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for kind, value := range map[string]string{
		awsapi.FaultSlow: "soon", awsapi.FaultThrottle: "0", awsapi.FaultError: "200", awsapi.FaultPartial: "half", "api-down": "",
	} {
		assert.ErrorContains(t, w.SetFault(kind, value, "", true), "its value must be like", kind)
	}
}
