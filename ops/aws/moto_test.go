// The contract against moto, an emulator of AWS, where it is installed. It does not
// prove what moto leaves out; stub_test.go answers as AWS does there.
package aws_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

const domain = "codeflow.example.com"

func TestMotoKeepsTheContract(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	account := opstest.Account{Lacks: map[opstest.Feature]string{
		opstest.Unhealthy:  "moto checks no health: every registered target is healthy",
		opstest.Tasks:      "moto's services start no tasks, and the SDK cannot read those that are run by hand (cpu is a number)",
		opstest.Percentile: "moto 5.2.1 knows no percentiles; TargetResponseTime is left without data",
	}}
	m.bringUp("blue")
	account.TaskDefinition, account.Other = m.bringUp("green")
	m.measure()
	m.records()
	account.Cloud = opsaws.New(m.cfg, opsaws.Settings{Project: "codeflow", Environment: "prod", Domain: domain})
	opstest.Contract(t, account)
}

func TestMotoKeepsTheStoresContract(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	done[*s3.CreateBucketOutput](m)(s3.NewFromConfig(m.cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("state"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}))
	opstest.StoreContract(t, opsaws.NewObject(m.cfg, "state", ".ops/prod.json"))
}

// moto is a running emulator.
type moto struct {
	t        *testing.T
	cfg      aws.Config
	balancer map[string]string // dimension, by colour
	group    map[string]string // likewise
}

func startMoto(t *testing.T) *moto {
	t.Helper()
	server, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not installed (pip install 'moto[server]==5.2.1'): the contract is not tested against an emulator")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	cmd := exec.CommandContext(t.Context(), server, "-H", "127.0.0.1", "-p", port)
	cmd.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "MOTO_ECS_SERVICE_RUNNING=3", "PYTHONUNBUFFERED=1")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // the context has ended it
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "Running on") {
		t.Log(lines.Text())
	}
	go func() {
		for lines.Scan() { // or it would block
		}
	}()
	endpoint := "http://127.0.0.1:" + port
	return &moto{t, aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, map[string]string{}, map[string]string{}}
}

// done returns the result of a call that must go well.
func done[T any](m *moto) func(result T, err error) T {
	return func(result T, err error) T {
		m.t.Helper()
		require.NoError(m.t, err)
		return result
	}
}

// network finds the default VPC and two of its subnets, without linking EC2's SDK.
func (m *moto) network() (vpc string, subnets []string) {
	m.t.Helper()
	form := url.Values{"Action": {"DescribeSubnets"}, "Version": {"2016-11-15"}}
	request := done[*http.Request](m)(http.NewRequestWithContext(m.t.Context(), http.MethodPost, *m.cfg.BaseEndpoint, strings.NewReader(form.Encode())))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	require.NoError(m.t, err)
	defer response.Body.Close()
	var text strings.Builder
	done[int64](m)(bufio.NewReader(response.Body).WriteTo(&text))
	for _, match := range regexp.MustCompile(`<subnetId>(.+?)</subnetId>`).FindAllStringSubmatch(text.String(), 2) {
		subnets = append(subnets, match[1])
	}
	match := regexp.MustCompile(`<vpcId>(.+?)</vpcId>`).FindStringSubmatch(text.String())
	require.NotNil(m.t, match, text.String())
	return match[1], subnets
}

// bringUp makes what the color stack makes, as far as the controller sees it.
func (m *moto) bringUp(color string) (task, other string) {
	m.t.Helper()
	ctx, balancers := m.t.Context(), elb.NewFromConfig(m.cfg)
	vpc, subnets := m.network()
	balancer := done[*elb.CreateLoadBalancerOutput](m)(balancers.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: aws.String("codeflow-" + color), Subnets: subnets,
	})).LoadBalancers[0]
	_, m.balancer[color], _ = strings.Cut(*balancer.LoadBalancerArn, ":loadbalancer/")
	group := done[*elb.CreateTargetGroupOutput](m)(balancers.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
		Name: aws.String("codeflow-" + color), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(3000),
		VpcId: aws.String(vpc), TargetType: elbtypes.TargetTypeEnumIp,
	})).TargetGroups[0].TargetGroupArn
	m.group[color] = (*group)[strings.Index(*group, "targetgroup/"):]
	done[*elb.CreateListenerOutput](m)(balancers.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancerArn, Port: aws.Int32(80), Protocol: elbtypes.ProtocolEnumHttp,
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: group}},
	}))
	var targets []elbtypes.TargetDescription
	for i := range 3 {
		targets = append(targets, elbtypes.TargetDescription{Id: aws.String(fmt.Sprintf("172.31.0.%d", 10+i))})
	}
	done[*elb.RegisterTargetsOutput](m)(balancers.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: group, Targets: targets}))
	return m.service(color, group)
}

func (m *moto) service(color string, group *string) (task, other string) {
	m.t.Helper()
	ctx, services := m.t.Context(), ecs.NewFromConfig(m.cfg)
	cluster := aws.String("codeflow-" + color + "-cluster")
	done[*ecs.CreateClusterOutput](m)(services.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: cluster}))
	register := func(digest string) *string {
		return done[*ecs.RegisterTaskDefinitionOutput](m)(services.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
			Family: aws.String("codeflow-" + color), ContainerDefinitions: []ecstypes.ContainerDefinition{{
				Name: aws.String("server"), Memory: aws.Int32(1024), Image: aws.String("123456789012.dkr.ecr.eu-central-1.amazonaws.com/codeflow/codeflow-server@" + digest),
			}},
		})).TaskDefinition.TaskDefinitionArn
	}
	before, now := register(opstest.Digest(color+" before")), register(opstest.Digest(color))
	done[*ecs.CreateServiceOutput](m)(services.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: cluster, ServiceName: aws.String("codeflow-" + color + "-service"), TaskDefinition: now, DesiredCount: aws.Int32(3),
		LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: group, ContainerName: aws.String("server"), ContainerPort: aws.Int32(3000)}},
	}))
	return *now, *before
}

// measure puts the metrics and the alarms there. The current minute is measured too,
// since it may be over when the test asks for the last whole ones.
func (m *moto) measure() {
	m.t.Helper()
	ctx, metrics := m.t.Context(), cloudwatch.NewFromConfig(m.cfg)
	dimensions := []cloudwatchtypes.Dimension{{Name: aws.String("LoadBalancer"), Value: aws.String(m.balancer["blue"])}}
	for name, value := range map[string]float64{"RequestCount": 300, "HTTPCode_Target_5XX_Count": 4, "HTTPCode_ELB_5XX_Count": 2} {
		for _, ago := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			done[*cloudwatch.PutMetricDataOutput](m)(metrics.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
				Namespace: aws.String("AWS/ApplicationELB"), MetricData: []cloudwatchtypes.MetricDatum{{
					MetricName: aws.String(name), Value: aws.Float64(value), Dimensions: dimensions, Timestamp: aws.Time(time.Now().Add(-ago)),
				}},
			}))
		}
	}
	for color, balancer := range m.balancer {
		for _, ago := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			done[*cloudwatch.PutMetricDataOutput](m)(metrics.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
				Namespace: aws.String("AWS/ApplicationELB"), MetricData: []cloudwatchtypes.MetricDatum{{
					MetricName: aws.String("HealthyHostCount"), Value: aws.Float64(3), Timestamp: aws.Time(time.Now().Add(-ago)),
					Dimensions: []cloudwatchtypes.Dimension{
						{Name: aws.String("LoadBalancer"), Value: aws.String(balancer)}, {Name: aws.String("TargetGroup"), Value: aws.String(m.group[color])},
					},
				}},
			}))
		}
	}
	for _, alarm := range []string{"codeflow-blue-5xx", "codeflow-green-5xx", "codeflow-green-unhealthy"} {
		done[*cloudwatch.PutMetricAlarmOutput](m)(metrics.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String(alarm), Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String("HTTPCode_Target_5XX_Count"),
			Statistic: cloudwatchtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(2), Threshold: aws.Float64(10),
			ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanThreshold,
		}))
	}
	done[*cloudwatch.SetAlarmStateOutput](m)(metrics.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("codeflow-green-5xx"), StateValue: cloudwatchtypes.StateValueAlarm, StateReason: aws.String("test"),
	}))
}

// records makes the zone and its weighted records.
func (m *moto) records() {
	m.t.Helper()
	ctx, names := m.t.Context(), route53.NewFromConfig(m.cfg)
	zone := done[*route53.CreateHostedZoneOutput](m)(names.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
		Name: aws.String(domain), CallerReference: aws.String("test"),
	})).HostedZone.Id
	for color, weight := range map[string]int64{"blue": 90, "green": 10} {
		done[*route53.ChangeResourceRecordSetsOutput](m)(names.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: zone, ChangeBatch: &route53types.ChangeBatch{Changes: []route53types.Change{{
				Action: route53types.ChangeActionCreate, ResourceRecordSet: &route53types.ResourceRecordSet{
					Name: aws.String("live." + domain), Type: route53types.RRTypeA, SetIdentifier: aws.String(color), Weight: aws.Int64(weight),
					AliasTarget: &route53types.AliasTarget{
						DNSName: aws.String("codeflow-" + color + ".eu-central-1.elb.amazonaws.com"), HostedZoneId: aws.String("Z215JYRZR1TBD5"), EvaluateTargetHealth: true,
					},
				},
			}}},
		}))
	}
}
