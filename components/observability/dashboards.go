package observability

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// newDashboards registers the dashboard of the platform and the one that puts the
// colours beside each other, codeflow-<environment>-platform and -colors.
func (w *Watched) newDashboards(
	ctx *pulumi.Context, name string, alarms []pulumi.StringOutput, opts ...pulumi.ResourceOption,
) error {
	if len(w.Colors) == 0 {
		return nil
	}
	for suffix, body := range map[string]map[string]any{"platform": w.platformDashboard(alarms), "colors": w.colorsDashboard()} {
		if _, err := cloudwatch.NewDashboard(ctx, name+"-"+suffix, &cloudwatch.DashboardArgs{
			DashboardName: pulumi.String(w.Names.Project + "-" + w.Names.Environment + "-" + suffix),
			DashboardBody: pulumi.JSONMarshal(body),
		}, opts...); err != nil {
			return fmt.Errorf("creating dashboard %q of %q: %w", suffix, name, err)
		}
	}
	return nil
}

// platformDashboard shows what both colours share. Metrics of the CDN are in
// us-east-1, wherever the dashboard is.
func (w *Watched) platformDashboard(alarms []pulumi.StringOutput) map[string]any {
	of := w.current().dimensions()
	db := func(title, name, statistic string) widget {
		return graph(title, w.Region, minute, series{metric: metric{"value", "AWS/RDS", name, statistic, of}})
	}
	rows := [][]widget{
		{states("Alarms", alarms), text("# Platform\nWhat each alarm means, and what to do: docs/observability.md. " +
			"The alarms of the CDN are in us-east-1.")},
		{
			db("Database CPU, %", "CPUUtilization", "Average"), db("Database connections", "DatabaseConnections", "Maximum"),
			db("Database storage free, bytes", "FreeStorageSpace", "Minimum"), db("Database memory free, bytes", "FreeableMemory", "Minimum"),
		},
	}
	var ages []series
	for _, c := range w.Colors {
		ages = append(ages, series{metric: restorable(c), label: "as " + c + " sees it"})
	}
	recovery := []widget{graph("RPO: age of the newest state that can be restored, s", w.Region, minute, ages...)}
	if w.Objects != nil {
		recovery = append(recovery, graph("RPO: how far copied objects are behind, s", w.Objects.Region, 5*minute,
			series{metric: w.Objects.metric("ReplicationLatency", "Maximum")}))
	}
	rows = append(rows, append(recovery,
		text(fmt.Sprintf("# Recovery\nRPO %d min: what may be lost. RTO %d min: how long it may take. docs/disaster-recovery.md has the drill's times.",
			rpo/60, rto/60))))
	var nat []series
	for i, id := range w.NATGatewayIDs {
		nat = append(nat, series{
			metric: metric{fmt.Sprintf("failed%d", i+1), "AWS/NATGateway", "ErrorPortAllocation", "Sum", pulumi.StringMap{"NatGatewayId": id}},
			label:  fmt.Sprintf("gateway %d", i+1),
		})
	}
	var edge []widget
	if nat != nil {
		edge = append(edge, graph("NAT: ports that were missing", w.Region, minute, nat...))
	}
	if w.WebACL != "" {
		edge = append(edge, blocked("WAF: blocked requests", w.Region, w.firewall()))
	}
	if w.CDNWebACL != "" {
		edge = append(edge, blocked("WAF of the CDN: blocked requests", usEast1, w.cdnFirewall()))
	}
	if w.CDN != nil {
		of := w.CDN.dimensions()
		edge = append(edge, graph("CDN: requests and errors in %", usEast1, 5*minute,
			series{metric: metric{"requests", "AWS/CloudFront", "Requests", "Sum", of}},
			series{metric: metric{"errors", "AWS/CloudFront", "5xxErrorRate", "Average", of}}))
	}
	if edge != nil {
		rows = append(rows, edge)
	}
	return grid(rows...)
}

// usEast1 is where AWS publishes what is global.
const usEast1 = pulumi.String("us-east-1")

func blocked(title string, region pulumi.StringInput, of pulumi.StringMap) widget {
	return graph(title, region, 5*minute, series{metric: metric{"blocked", "AWS/WAFV2", "BlockedRequests", "Sum", of}})
}

// colorsDashboard has a line for each colour in each graph. The colours are known
// by their names only, so that the platform does not wait for them.
func (w *Watched) colorsDashboard() map[string]any {
	compare := func(title string, of func(naming.Color) series) widget {
		var lines []series
		for _, c := range w.Colors {
			line := of(naming.Color{Project: w.Names.Project, Color: c})
			line.id, line.label = identifier(c), c
			lines = append(lines, line)
		}
		return graph(title, w.Region, minute, lines...)
	}
	balancer := func(name, statistic, dimensions string) func(naming.Color) series {
		return func(c naming.Color) series { return series{expression: found(c, dimensions, name, statistic)} }
	}
	service := func(name string) func(naming.Color) series {
		return func(c naming.Color) series {
			return series{metric: metric{namespace: "AWS/ECS", name: name, statistic: "Average", dimensions: pulumi.StringMap{
				"ClusterName": pulumi.String(c.Cluster()), "ServiceName": pulumi.String(c.Service()),
			}}}
		}
	}
	var digests []widget
	for _, c := range w.Colors {
		digests = append(digests, logs("Bundle digest of "+c, w.Region, naming.Color{Project: w.Names.Project, Color: c}.LogGroup(),
			`filter msg = "bundle loaded" | sort @timestamp desc | display @timestamp, version, bundleDigest, agents | limit 5`))
	}
	return grid(
		[]widget{w.share(), compare("Requests a minute", balancer("RequestCount", "Sum", "LoadBalancer"))},
		[]widget{
			compare("Server errors a minute", balancer("HTTPCode_Target_5XX_Count", "Sum", "LoadBalancer")),
			compare("p95 latency, s", balancer("TargetResponseTime", "p95", "LoadBalancer")),
			compare("Healthy targets", balancer("HealthyHostCount", "Minimum", "LoadBalancer,TargetGroup")),
		},
		[]widget{compare("CPU, %", service("CPUUtilization")), compare("Memory, %", service("MemoryUtilization"))},
		digests,
	)
}

// share is each colour's part of all requests, in percent.
func (w *Watched) share() widget {
	of := make([]string, len(w.Colors))
	for i, c := range w.Colors {
		of[i] = "(" + words(naming.Color{Project: w.Names.Project, Color: c}) + ")"
	}
	lines := []series{{
		metric: metric{id: "total"}, hidden: true, expression: search("LoadBalancer", "RequestCount", "Sum", "("+strings.Join(of, " OR ")+")"),
	}}
	for i, c := range w.Colors {
		lines = append(lines, series{
			metric: metric{id: identifier(c)}, label: c,
			expression: fmt.Sprintf("100 * FILL(%s, 0) / total", search("LoadBalancer", "RequestCount", "Sum", of[i])),
		})
	}
	return graph("Traffic share, %", w.Region, minute, lines...)
}

// identifier is a colour's name as the id of a series.
func identifier(color string) string { return strings.ReplaceAll(color, "-", "_") }

// found is the sum of a metric over what a colour's load balancer has. The ARN
// suffix that is the dimension ends with a random part, so it is searched by the
// words of its name.
func found(c naming.Color, dimensions, name, statistic string) string {
	return search(dimensions, name, statistic, words(c))
}

func words(c naming.Color) string {
	return "LoadBalancer=" + strings.ReplaceAll(c.LoadBalancer(), "-", " LoadBalancer=")
}

// search is an expression for the sum of the metrics of load balancers that a
// condition finds.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
func search(dimensions, name, statistic, condition string) string {
	return fmt.Sprintf(`SUM(SEARCH('{AWS/ApplicationELB,%s} MetricName="%s" %s', '%s', %d))`, dimensions, name, condition, statistic, minute)
}
