package account

import (
	"net/http"
	"path"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// healthy are the metrics of what does not run here, when all is well.
var healthy = alarm.Healthy{
	"AWS/RDS/CPUUtilization":                 5,       // percent
	"AWS/RDS/DatabaseConnections":            5,       //
	"AWS/RDS/FreeStorageSpace":               1 << 44, // bytes: more than any alarm asks for.
	"AWS/RDS/FreeableMemory":                 1 << 44,
	"AWS/RDS/ReplicaLag":                     0, // seconds
	"AWS/NATGateway/ErrorPortAllocation":     0,
	"AWS/CertificateManager/DaysToExpiry":    200,
	"AWS/CloudFront/Requests":                1000,
	"AWS/CloudFront/5xxErrorRate":            0,   // percent
	"AWS/CloudFront/CacheHitRate":            90,  // percent
	"AWS/RDS/CPUCreditBalance":               500, // minutes of a vCPU
	"AWS/RDS/EBSIOBalance%":                  100,
	"AWS/RDS/EBSByteBalance%":                100,
	"AWS/S3/OperationsFailedReplication":     0,
	"AWS/Events/TriggeredRules":              0,
	"AWS/Backup/NumberOfBackupJobsCompleted": 1,
}

// silent are the namespaces that report nothing while a thing does not run.
type silent struct {
	while func() bool
	alarm.Source
}

func (s silent) Series(m alarm.Metric, count int) ([]*float64, error) {
	if s.while() {
		return make([]*float64, count), nil
	}
	return s.Source.Series(m, count)
}

// source has all metrics, with their faults.
func (a *Account) source() alarm.Source {
	sources := alarm.Namespaces{
		alarm.LoadBalancerNamespace: alarm.LoadBalancerSource{Balancers: a.Runtime.Balancers, Groups: a.groupsOf},
		"AWS/RDS":                   silent{a.databases.isDown, healthy},
		alarm.CustomNamespaces:      a.published,
	}
	for _, namespace := range []string{"AWS/ECS", "AWS/WAFV2"} {
		sources[namespace] = a.published
	}
	for _, namespace := range []string{"AWS/NATGateway", "AWS/CertificateManager", "AWS/CloudFront", "AWS/Backup", "AWS/S3", "AWS/Events"} {
		sources[namespace] = healthy
	}
	sources["AWS/Route53"] = &a.healthChecks
	return a.metricFaults.Over(sources)
}

// faulted publishes what the server would have said of a request that a fault answered
// or delayed; the rest of its metrics come from its log. See server/telemetry.
func (a *Account) faulted(by *task.ContainerDefinition, status int, delay time.Duration) {
	const tooSlow = 2 * time.Second
	environment := map[string]string{}
	for _, v := range by.Environment {
		environment[v.Name] = v.Value
	}
	if namespace := environment["CODEFLOW_METRICS_NAMESPACE"]; namespace != "" && (status == http.StatusInternalServerError || delay > tooSlow) {
		a.published.Put(namespace, "FailedShare", map[string]string{"Service": "codeflow-server", "Color": environment["CODEFLOW_COLOR"]}, 1)
	}
}

// PutMetric publishes a value of a custom metric, as cloudwatch put-metric-data does.
func (a *Account) PutMetric(namespace, name string, dimensions map[string]string, value float64) error {
	if a.Runtime == nil {
		return ErrNothingRuns
	}
	a.published.Put(namespace, name, dimensions, value)
	return nil
}

// The bounds of how often alarms are evaluated, in real time.
const shortestLook, longestLook = 50 * time.Millisecond, time.Second

// watchAlarms publishes metrics and follows the alarms while services run.
func (a *Account) watchAlarms() {
	ticker := time.NewTicker(min(longestLook, max(shortestLook, a.opts.TimeScale.Seconds(10))))
	defer ticker.Stop()
	blocked := map[string]int{}
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-ticker.C:
			if services := a.Runtime.Services(); len(services) > 0 {
				a.followFilters()
				a.publishServices(services)
				a.publishBlocked(blocked)
				a.followAlarms()
				a.followHealthChecks()
			}
		}
	}
}

// publishServices publishes what ECS and Container Insights do.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
func (a *Account) publishServices(services []scheduler.ServiceStatus) {
	for _, s := range services {
		of := map[string]string{"ClusterName": path.Base(s.Cluster), "ServiceName": s.Name}
		const insights = "ECS/ContainerInsights"
		a.published.Put(insights, "DesiredTaskCount", of, float64(s.DesiredCount))
		a.published.Put(insights, "RunningTaskCount", of, float64(s.RunningCount))
		if cpu, memory, ok := a.Runtime.Utilization(s.Name); ok {
			a.published.Put("AWS/ECS", "CPUUtilization", of, cpu)
			a.published.Put("AWS/ECS", "MemoryUtilization", of, memory)
		}
	}
}

// publishBlocked publishes the requests that web ACLs blocked since the last time.
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
func (a *Account) publishBlocked(before map[string]int) {
	for _, association := range a.each("wafv2/webAclAssociation") {
		arn := textOf(association, "resourceArn")
		acl := a.find("wafv2/webAcl", "arn", textOf(association, "webAclArn"))
		n := a.Runtime.Balancers.Blocked(arn)
		if acl == nil || n <= before[arn] {
			continue
		}
		var spec struct{ VisibilityConfig struct{ MetricName string } }
		if decode(acl, &spec) == nil {
			a.published.Put("AWS/WAFV2", "BlockedRequests", map[string]string{
				"WebACL": spec.VisibilityConfig.MetricName, "Rule": "ALL", "Region": acl.Region,
			}, float64(n-before[arn]))
		}
		before[arn] = n
	}
}

// isDown reports whether the databases were stopped.
func (d *databases) isDown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down
}
