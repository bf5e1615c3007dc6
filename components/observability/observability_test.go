// These tests do not prove that AWS delivers a message, nor that the wait of a
// composite alarm ends with the incident; that needs an account.
package observability

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	metricType    = "aws:cloudwatch/metricAlarm:MetricAlarm"
	compositeType = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
	filterType    = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
	topicType     = "aws:sns/topic:Topic"
	policyType    = "aws:sns/topicPolicy:TopicPolicy"
	keyType       = "aws:kms/key:Key"
	identity      = "aws:index/getCallerIdentity:getCallerIdentity"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		identity: func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
		},
	}}
}

func color(args *ColorArgs, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := NewColor(ctx, args.Names.Color, args, opts...)
		return err
	}
}

func platform(w *whole, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		usEast1, err := aws.NewProvider(ctx, "us-east-1", &aws.ProviderArgs{Region: pulumi.String("us-east-1")})
		if err != nil {
			return err
		}
		w.USEast1 = usEast1
		p, err := NewPlatform(ctx, "alarms", w.args, opts...)
		if err != nil {
			return err
		}
		return p.Watch(ctx, w.Watched)
	}
}

// names are those of the alarms of a type, sorted.
func names(r *recorder.Recorder, typ, field string) (list []string) {
	for _, res := range r.Resources() {
		if res.Type == typ {
			list = append(list, res.In(field).(string))
		}
	}
	slices.Sort(list)
	return list
}

func TestColorNames(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, color(colorArgs("green")))
	assert.Equal(t, []string{
		"codeflow-green-5xx-rate", "codeflow-green-failing", "codeflow-green-p95", "codeflow-green-running-tasks", "codeflow-green-unhealthy-targets",
		"codeflow-info-green-4xx-surge", "codeflow-info-green-acknowledged", "codeflow-info-green-cpu",
		"codeflow-info-green-database-breaker", "codeflow-info-green-error-budget", "codeflow-info-green-error-logs", "codeflow-info-green-memory",
	}, names(r, metricType, "name"), "only what should bring the traffic back has the colour's prefix")
	assert.Equal(t, []string{
		"codeflow-green-guard", "codeflow-info-green-page-1", "codeflow-info-green-page-2", "codeflow-info-green-page-3",
	}, names(r, compositeType, "alarmName"))
	assert.Len(t, r.Resources(), 1+12+4+len(filters)+len(serverQueries)+2, "and what tells of a failed deployment")
}

func TestNoNamesCollide(t *testing.T) {
	t.Parallel()
	names, platformOf := map[string]string{}, platformArgs()
	platformOf.Names.Environment = "blue"
	add := func(name, of string) {
		assert.Empty(t, names[name], "%s of %s", name, of)
		names[name] = of
		assert.LessOrEqual(t, len(name), 255)
	}
	for _, c := range []string{"blue", "green"} {
		// The deployment alarms of components/ecsservice.
		for _, taken := range []string{"5xx", "unhealthy"} {
			add(naming.Color{Project: "codeflow", Color: c}.Alarm(taken), "ecsservice")
		}
		r := newRecorder()
		require.NoError(t, r.Run(false, color(colorArgs(c))))
		for _, res := range r.Resources() {
			if res.Type == metricType || res.Type == compositeType {
				add(fmt.Sprint(res.In("name"), res.In("alarmName")), c)
			}
		}
	}
	r := newRecorder()
	require.NoError(t, r.Run(false, platform(platformOf)))
	for _, res := range r.Resources() {
		if res.Type == metricType || res.Type == compositeType {
			add(fmt.Sprint(res.In("name"), res.In("alarmName")), "platform")
		}
	}
	for name, of := range names {
		if of == "platform" {
			assert.True(t, strings.HasPrefix(strings.TrimPrefix(name, "<nil>"), "codeflow-info-"), name)
		}
	}
}

func TestMetricAlarms(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	require.NoError(t, r.Run(false, color(colorArgs("green"))))
	assert.Equal(t, map[string]any{
		"name": "codeflow-info-green-cpu", "namespace": "AWS/ECS", "metricName": "CPUUtilization", "statistic": "Average",
		"dimensions":         map[string]any{"ClusterName": "codeflow-green-cluster", "ServiceName": "codeflow-green-service"},
		"comparisonOperator": "GreaterThanThreshold", "threshold": 80.0, "period": 60.0, "evaluationPeriods": 5.0,
		"datapointsToAlarm": 5.0, "treatMissingData": "notBreaching",
		"alarmActions": []any{"arn:1"}, "okActions": []any{"arn:1"},
		"alarmDescription": "CPU above 80 %: scaling no longer keeps up. No data: notBreaching, without tasks nothing is busy, and running-tasks tells that.",
	}, r.Get(t, metricType, "green-cpu").Inputs.Mappable())

	rate := r.Get(t, metricType, "green-5xx-rate")
	for _, field := range []string{"metricName", "namespace", "period", "statistic", "dimensions"} {
		assert.Nil(t, rate.In(field), "AWS refuses %s beside queries", field)
	}
	assert.Empty(t, rate.In("alarmActions"), "its page tells")
	assert.Equal(t, "IF((FILL(requests, 0) + FILL(balancer, 0)) >= 50, "+
		"100 * (FILL(targets, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0)), 0)",
		rate.In("metricQueries[0].expression"))
}

func TestMetricMathReturnsOneSeries(t *testing.T) {
	t.Parallel()
	for where, program := range map[string]pulumi.RunFunc{"color": color(colorArgs("green")), "platform": platform(platformArgs())} {
		r, seen := newRecorder(), 0
		require.NoError(t, r.Run(false, program))
		for _, res := range r.Resources() {
			queries, ok := res.In("metricQueries").([]any)
			if !ok {
				continue
			}
			seen++
			var returned []any
			for _, q := range queries {
				if q := q.(map[string]any); q["returnData"] == true {
					returned = append(returned, q["id"])
				}
			}
			assert.Equal(t, []any{"result"}, returned, "%s %s", where, res.Name)
		}
		assert.Positive(t, seen, where)
	}
}

func TestComposites(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	require.NoError(t, r.Run(false, color(colorArgs("green"))))
	const rule = `ALARM("codeflow-green-p95") OR ALARM("codeflow-green-5xx-rate") OR ALARM("codeflow-green-failing") OR ` +
		`ALARM("codeflow-green-unhealthy-targets") OR ALARM("codeflow-green-running-tasks")`
	guard := r.Get(t, compositeType, "green-guard")
	assert.Equal(t, rule, guard.In("alarmRule"))
	assert.Nil(t, guard.In("alarmActions"))
	assert.Len(t, guard.RPC.GetDependencies(), 5, "AWS refuses a rule about an alarm that does not exist")

	for level, wait := range []any{nil, 900.0, 2700.0} {
		page := r.Get(t, compositeType, fmt.Sprintf("green-page-%d", level+1))
		assert.Equal(t, rule+` OR ALARM("codeflow-info-green-database-breaker")`, page.In("alarmRule"))
		assert.Equal(t, []any{fmt.Sprintf("arn:%d", level+1)}, page.In("alarmActions"))
		assert.Equal(t, wait, page.In("actionsSuppressor.waitPeriod"))
		assert.Equal(t, level == 0, page.In("okActions") != nil, "later levels hear of no end that they heard no beginning of")
		if level > 0 {
			assert.Equal(t, "codeflow-info-green-acknowledged", page.In("actionsSuppressor.alarm"))
			assert.Len(t, page.RPC.GetDependencies(), 7)
		}
	}
	assert.Equal(t, "codeflow-info-green", r.Get(t, metricType, "green-acknowledged").In("dimensions.Alarms"))
}

func TestFilters(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	require.NoError(t, r.Run(false, color(colorArgs("green"))))
	assert.Equal(t, map[string]any{
		"name": "error-logs", "logGroupName": "/ecs/codeflow-green", "pattern": `{ $.level = "ERROR" }`,
		"metricTransformation": map[string]any{
			"namespace": "CodeFlow", "name": "ErrorLogs", "value": "1", "dimensions": map[string]any{"Color": "$.color"},
		},
	}, r.Get(t, filterType, "green-error-logs").Inputs.Mappable())
	alarm := r.Get(t, metricType, "green-error-logs")
	assert.Equal(t, []any{"ErrorLogs", "green"}, []any{alarm.In("metricName"), alarm.In("dimensions.Color")})
	// What pages must not depend on the log level.
	breaker := r.Get(t, metricType, "green-database-breaker")
	assert.Equal(t, []any{"BreakerOpened", map[string]any{"Service": "codeflow-server", "Color": "green", "Breaker": "database"}},
		[]any{breaker.In("metricName"), breaker.In("dimensions")})
}

// What is no alarm must not reach a pager, nor alarms those who only read.
func TestTopicsAreApart(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	require.NoError(t, r.Run(false, platform(platformArgs())))
	for topic, want := range map[string][]bool{"alarms-level-1": {true, false, false}, "alarms-info": {false, true, true}} {
		document := r.Get(t, policyType, topic).In("policy").(string)
		for i, service := range []string{"cloudwatch", "events.rds", "backup"} {
			assert.Equal(t, want[i], strings.Contains(document, `"`+service+`.amazonaws.com"`), "%s: %s", topic, service)
		}
	}
}

func TestWithoutTopics(t *testing.T) {
	t.Parallel()
	args, r := colorArgs("green"), newRecorder()
	args.Topics = nil
	r.Both(t, color(args))
	for _, res := range r.Resources() {
		assert.Empty(t, res.In("alarmActions"), res.Name)
		assert.Empty(t, res.In("okActions"), res.Name)
	}
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	args, r := platformArgs(), newRecorder()
	args.args.Subscriptions[0] = []Subscription{{"email", pulumi.String("ops@example.com")}}
	args.args.Subscriptions[2] = []Subscription{{"https", pulumi.ToSecret(pulumi.String("https://page.example/key")).(pulumi.StringOutput)}}
	r.Both(t, platform(args))
	var rows []string
	for prefix, table := range map[string][]alarm{"": args.homeTable(), "cdn-": args.usEast1Table()} {
		for _, row := range table {
			rows = append(rows, "codeflow-info-platform-prod-"+prefix+row.name)
		}
	}
	slices.Sort(rows)
	assert.Equal(t, rows, names(r, metricType, "name"))
	assert.Subset(t, rows, []string{
		"codeflow-info-platform-prod-database-cpu", "codeflow-info-platform-prod-database-2-cpu", "codeflow-info-platform-prod-database-2-replica-lag",
		"codeflow-info-platform-prod-cdn-health-check", "codeflow-info-platform-prod-root-login", "codeflow-info-platform-prod-images-replication",
	})
	assert.Equal(t, map[string]int{
		PlatformType: 1, "pulumi:providers:aws": 1, metricType: len(rows), compositeType: 6,
		topicType: 7, policyType: 7, keyType: 2, "aws:sns/topicSubscription:TopicSubscription": 4, filterType: len(auditRows),
		"aws:cloudwatch/eventRule:EventRule": 3, "aws:cloudwatch/eventTarget:EventTarget": 3, "aws:cloudwatch/dashboard:Dashboard": 2,
	}, r.Count())
	for _, e := range args.events() {
		assert.Equal(t, r.Get(t, "aws:cloudwatch/eventRule:EventRule", "alarms-"+e.name).In("name"),
			r.Get(t, metricType, "alarms-"+e.name).In("dimensions.RuleName"), "the alarm is on the rule's metric")
	}

	for _, res := range r.Resources() {
		if res.Parent == "" {
			continue
		}
		assert.Equal(t, strings.HasPrefix(res.Name, "alarms-cdn"), strings.Contains(res.RPC.GetProvider(), "us-east-1"),
			"%s: an alarm publishes in its own region only", res.Name)
		if res.Type == metricType || res.Type == compositeType {
			actions, _ := json.Marshal(res.In("alarmActions"))
			cdn := strings.HasPrefix(res.Name, "alarms-cdn")
			assert.Equal(t, cdn && string(actions) != "null", strings.Contains(string(actions), "alarms-cdn-level"), res.Name)
		}
	}
	assert.Equal(t, 320.0, r.Get(t, metricType, "alarms-database-connections").In("threshold"))
	assert.Equal(t, float64(1<<30), r.Get(t, metricType, "alarms-database-storage").In("threshold"))
	assert.Equal(t, "codeflow-prod-replica", r.Get(t, metricType, "alarms-database-2-replica-lag").In("dimensions.DBInstanceIdentifier"))
	assert.Equal(t, "codeflow-prod", r.Get(t, metricType, "alarms-database-cpu").In("dimensions.DBInstanceIdentifier"))
	secret := r.Get(t, "aws:sns/topicSubscription:TopicSubscription", "alarms-level-3-1").Inputs["endpoint"]
	assert.True(t, secret.IsSecret() || secret.IsOutput() && secret.OutputValue().Secret, "the URL is the credential")
}

func TestEncryptionAdmitsCloudWatch(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	require.NoError(t, r.Run(false, platform(platformArgs())))
	const admitted = `"Principal":{"Service":"cloudwatch.amazonaws.com"}`
	const account = `"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}`
	for _, name := range []string{"alarms", "alarms-cdn"} {
		key := r.Get(t, keyType, name+"-key").In("policy").(string)
		for _, want := range []string{admitted, account, `["kms:Decrypt","kms:GenerateDataKey*"]`, `"Principal":{"AWS":"123456789012"}`} {
			assert.Contains(t, key, want)
		}
		for level := range levels {
			topic := fmt.Sprintf("%s-level-%d", name, level+1)
			assert.Equal(t, "arn:aws:kms:eu-central-1:123456789012:"+name+"-key", r.Get(t, topicType, topic).In("kmsMasterKeyId"))
			policy := r.Get(t, policyType, topic).In("policy").(string)
			for _, want := range []string{admitted, account, "sns:Publish", topic} {
				assert.Contains(t, policy, want)
			}
		}
	}
}

func TestLeanPlatform(t *testing.T) {
	t.Parallel()
	args, r := platformArgs(), newRecorder()
	args.Databases[1].ReplicaID, args.NATGatewayIDs, args.CertificateARN, args.WebACL = nil, nil, nil, ""
	args.CDN, args.CDNCertificateARN, args.CDNWebACL, args.HealthCheckID = nil, nil, "", nil
	args.Databases[0].Burstable, args.Databases = false, args.Databases[:1]
	args.Colors, args.BackupVault, args.Repository, args.Objects, args.AuditLogGroup = nil, nil, "", nil, nil
	args.args.KeyARN = pulumi.String("arn:key")
	r.Both(t, platform(args))
	assert.Equal(t, map[string]int{
		PlatformType: 1, "pulumi:providers:aws": 1, metricType: 5, compositeType: 3, topicType: 4, policyType: 4,
	}, r.Count(), "nothing in us-east-1 and no key")
	assert.Equal(t, "arn:key", r.Get(t, topicType, "alarms-level-1").In("kmsMasterKeyId"))

	args.CDNCertificateARN = pulumi.String("arn:cdn-certificate")
	r.Both(t, platform(args))
	assert.Equal(t, []int{3, 6}, []int{r.Count()[compositeType], r.Count()[metricType]}, "a certificate alone does not page")
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return color(colorArgs("green"), opts...) })
	args := platformArgs()
	args.args.Subscriptions[1] = []Subscription{{"email", pulumi.String("lead@example.com")}}
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return platform(args, opts...) })
	r := newRecorder()
	r.Calls = nil
	require.ErrorContains(t, r.Run(false, platform(platformArgs())), "reading the account")
}

func TestBadColor(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*ColorArgs){
		"lower-case":                    func(a *ColorArgs) { a.Names.Color = "Green" },
		`the color cannot be "info-x"`:  func(a *ColorArgs) { a.Names.Color = "info-x" },
		`the color cannot be "info"`:    func(a *ColorArgs) { a.Names.Color = "info" },
		"ClusterName, ServiceName":      func(a *ColorArgs) { a.LogGroupName = nil },
		"one for each of 3 levels, got": func(a *ColorArgs) { a.Topics = a.Topics[:1] },
	} {
		args, r := colorArgs("green"), newRecorder()
		change(args)
		require.ErrorContains(t, r.Run(false, color(args)), want)
		assert.Empty(t, r.Resources())
	}
}

func TestBadPlatform(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*whole){
		"lower-case":                   func(a *whole) { a.args.Names.Environment = "Prod" },
		"Databases need InstanceID":    func(a *whole) { a.Databases[0].MemoryMiB = 0 },
		"Databases is required":        func(a *whole) { a.Databases = nil },
		"Region is required":           func(a *whole) { a.Region = nil },
		"CDN.DistributionID":           func(a *whole) { a.CDN.DistributionID = nil },
		"must be 0 to 99, got 100":     func(a *whole) { a.CDN.MinCacheHitPercent = 100 },
		"Subscriptions[1][0].Protocol": func(a *whole) { a.args.Subscriptions[1] = []Subscription{{"http", pulumi.String("x")}} },
		"Subscriptions[0][0].Endpoint": func(a *whole) { a.args.Subscriptions[0] = []Subscription{{"email", nil}} },
	} {
		args, r := platformArgs(), newRecorder()
		change(args)
		require.ErrorContains(t, r.Run(false, platform(args)), want)
	}
	err := newRecorder().Run(false, func(ctx *pulumi.Context) error {
		w := platformArgs()
		p, err := NewPlatform(ctx, "alarms", w.args)
		if err != nil {
			return err
		}
		return p.Watch(ctx, w.Watched)
	})
	require.ErrorContains(t, err, "USEast1 is required")
}
