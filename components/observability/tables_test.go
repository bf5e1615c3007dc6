// These tests do not prove that CloudWatch evaluates the expressions as meant,
// nor that a service publishes the metrics with these dimensions.
package observability

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

func colorArgs(color string) *ColorArgs {
	return &ColorArgs{
		Names:       naming.Color{Project: "codeflow", Color: color},
		ClusterName: pulumi.String("codeflow-green-cluster"), ServiceName: pulumi.String("codeflow-green-service"),
		LoadBalancer: pulumi.String("app/codeflow-green/1"), TargetGroup: pulumi.String("targetgroup/green/2"),
		LogGroupName: pulumi.String("/ecs/codeflow-green"),
		Topics:       []pulumi.StringInput{pulumi.String("arn:1"), pulumi.String("arn:2"), pulumi.String("arn:3")},
	}
}

// whole is all that a platform is given.
type whole struct {
	*Watched
	args *PlatformArgs
}

// platformArgs has everything but the provider.
func platformArgs() *whole {
	names := naming.Platform{Project: "codeflow", Environment: "prod"}
	return &whole{&Watched{
		Names: names,
		Databases: []Database{
			{InstanceID: pulumi.String("codeflow-prod"), MaxConnections: 400, StorageGB: 20, MemoryMiB: 4096, Burstable: true},
			{
				Generation: 2, InstanceID: pulumi.String("codeflow-prod-2"), ReplicaID: pulumi.String("codeflow-prod-replica"),
				MaxConnections: 400, StorageGB: 20, MemoryMiB: 4096,
			},
		},
		NATGatewayIDs:  []pulumi.StringInput{pulumi.String("nat-a"), pulumi.String("nat-b")},
		CertificateARN: pulumi.String("arn:certificate"), CDNCertificateARN: pulumi.String("arn:cdn-certificate"),
		WebACL: "alb-waf", CDNWebACL: "cdn-waf", Region: pulumi.String("eu-central-1"),
		CDN: &CDN{DistributionID: pulumi.String("E1"), MinCacheHitPercent: 50}, HealthCheckID: pulumi.String("check"),
		Colors: []string{"blue", "dark-green"}, BackupVault: pulumi.String("vault"), Repository: "codeflow/codeflow-server",
		Objects:       &Replication{pulumi.String("assets"), pulumi.String("replica"), "everything", pulumi.String("eu-west-1")},
		AuditLogGroup: pulumi.String("/audit/codeflow-prod"),
	}, &PlatformArgs{Names: names}}
}

// tables are all rows, by where they are.
func tables() map[string][]alarm {
	return map[string][]alarm{
		"green": colorArgs("green").table(), "home": platformArgs().homeTable(), "us-east-1": platformArgs().usEast1Table(),
	}
}

func each(t *testing.T, check func(*testing.T, *alarm)) {
	t.Helper()
	for where, rows := range tables() {
		for i := range rows {
			t.Run(where+" "+rows[i].name, func(t *testing.T) {
				t.Parallel()
				check(t, &rows[i])
			})
		}
	}
}

func TestGuide(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/guide.json")
	require.NoError(t, err)
	var guide []struct {
		Name, Unit, Where string
		Figure            float64
		Rows              []string
	}
	require.NoError(t, json.Unmarshal(data, &guide))
	require.NotEmpty(t, guide)

	type limit struct {
		figure     float64
		comparison string
	}
	limits := map[string]limit{}
	for _, rows := range tables() {
		for _, row := range rows {
			limits[row.name] = limit{row.threshold, row.comparison}
		}
	}
	for i, l := range levels {
		limits[fmt.Sprintf("level-%d", i+1)] = limit{float64(l.minutes), above}
	}
	for _, g := range guide {
		assert.NotEmpty(t, g.Rows, g.Name)
		for _, row := range g.Rows {
			assert.Equal(t, limit{g.Figure, above}, limits[row], "%s: row %q in %s: %s", g.Name, row, g.Unit, g.Where)
		}
	}
}

// treatments is what each row makes of silence; a new row has to be thought about.
var treatments = map[string]string{"database-cpu": breaching, "database-2-cpu": breaching, "database-2-replica-lag": breaching, "health-check": breaching, "certificate": keepState}

func TestMissingDataIsTreatedAndExplained(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *alarm) {
		want, ok := treatments[a.name]
		if !ok {
			want = notBreaching
		}
		assert.Equal(t, want, a.missing)
		assert.GreaterOrEqual(t, len(strings.Fields(a.why)), 4, "%q is no reason", a.why)
		assert.Contains(t, a.text(), a.why, "people read it in the message")
		assert.LessOrEqual(t, len(a.text()), 1024, "AWS's limit on descriptions")
	})
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *alarm) {
		assert.Contains(t, []severity{notify, page, guard, acknowledge}, a.severity)
		assert.Contains(t, []string{above, below}, a.comparison)
		assert.Zero(t, a.period%60)
		assert.Positive(t, a.period)
		assert.Positive(t, a.datapoints)
		assert.LessOrEqual(t, a.datapoints, a.periods)
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		longest := 86400
		if a.period >= 3600 {
			longest *= 7
		}
		assert.LessOrEqual(t, a.period*a.periods, longest, "AWS's limit on what is evaluated")
		if strings.Contains(a.expression, "FILL") {
			assert.Less(t, a.datapoints, a.periods, "FILL makes a zero of the newest minute when it is late")
		}
	})
}

var variable = regexp.MustCompile(`\b[a-z][a-zA-Z0-9_]*\b`)

func TestExpressionsUseTheirMetrics(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *alarm) {
		var ids []string
		for _, m := range a.metrics {
			assert.Regexp(t, `^[a-z][a-zA-Z0-9_]*$`, m.id)
			assert.NotEqual(t, "result", m.id, "the id of the expression")
			ids = append(ids, m.id)
		}
		if a.expression == "" {
			assert.Len(t, ids, 1)
			return
		}
		used := variable.FindAllString(a.expression, -1)
		slices.Sort(used)
		slices.Sort(ids)
		assert.Equal(t, ids, slices.Compact(used))
		assert.Equal(t, strings.Count(a.expression, "("), strings.Count(a.expression, ")"))
	})
}

// dimensions are the sets under which AWS publishes a namespace's metrics that
// are used here, and CodeFlow's own.
var dimensions = map[string][]string{
	"AWS/ECS":                {"ClusterName ServiceName"},
	"ECS/ContainerInsights":  {"ClusterName ServiceName"},
	"AWS/ApplicationELB":     {"LoadBalancer", "LoadBalancer TargetGroup"},
	"AWS/RDS":                {"DBInstanceIdentifier"},
	"AWS/NATGateway":         {"NatGatewayId"},
	"AWS/CertificateManager": {"CertificateArn"},
	"AWS/CloudFront":         {"DistributionId Region"},
	"AWS/WAFV2":              {"Region Rule WebACL", "Rule WebACL"},
	"AWS/Route53":            {"HealthCheckId"},
	"AWS/Backup":             {"BackupVaultName"},
	"AWS/S3":                 {"DestinationBucket RuleId SourceBucket"},
	"AWS/Events":             {"RuleName"},
	namespace:                {"Color", "Alarms", "Color Service", "Breaker Color Service", ""},
}

func TestDimensions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *alarm) {
		for _, m := range a.metrics {
			var keys []string
			for key, value := range m.dimensions {
				assert.NotNil(t, value, key)
				keys = append(keys, key)
			}
			slices.Sort(keys)
			set := strings.Join(keys, " ")
			assert.Contains(t, dimensions[m.namespace], set, "%s %s", m.namespace, m.name)
			switch m.name {
			case "HTTPCode_ELB_5XX_Count":
				assert.Equal(t, "LoadBalancer", set, "the balancer's own errors have no target group")
			case "UnHealthyHostCount":
				assert.Equal(t, "LoadBalancer TargetGroup", set, "health is a target group's")
			}
		}
	})
}

func TestToldAfter(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []int{0, 15, 45}, []int{toldAfter(0), toldAfter(1), toldAfter(2)})
}
