//go:build linux

package main

// This test makes every alarm of the account ring and end, on the real engine. The
// seconds are the sandbox's; AWS needs the periods of the alarm, and a minute or two
// for its metrics to arrive.

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// bell is how an alarm is made to ring.
type bell struct {
	faults []string
	path   string // that the clients ask for; default /health.
	level  int    // that it tells itself; 0 leaves it to its composites.
}

func faults(list ...string) []string { return list }

// bells are all alarms of the platform and of blue, by what follows codeflow-. The
// groups have no fault in common, and go on side by side.
var bells = map[string]map[string]bell{
	"blue": {
		"blue-5xx":       {faults: faults("error-rate=50:blue")},
		"blue-unhealthy": {faults: faults("unhealthy:blue")},

		"blue-p95":               {faults: faults("slow=2500ms:blue")},
		"blue-5xx-rate":          {faults: faults("error-rate=10:blue")},
		"blue-unhealthy-targets": {faults: faults("unhealthy:blue")},
		"blue-running-tasks":     {faults: faults("deploy-fails:blue", "task-crash:blue", "task-crash:blue")},
		"blue-failing":           {faults: faults("error-rate=50:blue")},
		"blue-guard":             {faults: faults("error-rate=10:blue")},

		"info-blue-database-breaker": {faults: faults("metric=CodeFlow/BreakerOpened=1:blue")},
		"info-blue-cpu":              {faults: faults("metric=AWS/ECS/CPUUtilization=95:codeflow-blue-service"), level: 1},
		"info-blue-memory":           {faults: faults("metric=AWS/ECS/MemoryUtilization=95:codeflow-blue-service"), level: 1},
		"info-blue-4xx-surge":        {path: "/nowhere", level: 1},
		"info-blue-error-budget": {
			faults: faults("metric=AWS/ApplicationELB/RequestCount=10000", "metric=AWS/ApplicationELB/HTTPCode_Target_5XX_Count=80"), level: 1,
		},
		"info-blue-error-logs":   {faults: faults("metric=CodeFlow/ErrorLogs=10:blue"), level: 1},
		"info-blue-acknowledged": {faults: faults("metric=CodeFlow/Acknowledged=1:codeflow-info-blue")},
		"info-blue-page-1":       {faults: faults("metric=CodeFlow/BreakerOpened=1:blue"), level: 1},
		"info-blue-page-2":       {faults: faults("metric=CodeFlow/BreakerOpened=1:blue"), level: 2},
		"info-blue-page-3":       {faults: faults("metric=CodeFlow/BreakerOpened=1:blue"), level: 3},
	},
	"platform": {
		"info-platform-prod-database-cpu":          {faults: faults("metric=AWS/RDS/CPUUtilization=95")},
		"info-platform-prod-database-connections":  {faults: faults("metric=AWS/RDS/DatabaseConnections=100000")},
		"info-platform-prod-database-storage":      {faults: faults("metric=AWS/RDS/FreeStorageSpace=1000000")},
		"info-platform-prod-database-memory":       {faults: faults("metric=AWS/RDS/FreeableMemory=1000000"), level: 1},
		"info-platform-prod-database-cpu-credits":  {faults: faults("metric=AWS/RDS/CPUCreditBalance=10"), level: 1},
		"info-platform-prod-database-io-balance":   {faults: faults("metric=AWS/RDS/EBSIOBalance%=5"), level: 1},
		"info-platform-prod-database-byte-balance": {faults: faults("metric=AWS/RDS/EBSByteBalance%=5"), level: 1},
		"info-platform-prod-database-restorable":   {faults: faults("metric=CodeFlow/DatabaseRestorableAge=7200:blue")},
		"info-platform-prod-backup":                {faults: faults("metric=AWS/Backup/NumberOfBackupJobsCompleted=0")},
		"info-platform-prod-backups-copy":          {faults: faults("metric=AWS/Events/TriggeredRules=1:codeflow-info-platform-prod-backups-copy")},
		"info-platform-prod-restore-test":          {faults: faults("metric=AWS/Events/TriggeredRules=1:codeflow-info-platform-prod-restore-test")},
		"info-platform-prod-images-replication":    {faults: faults("metric=AWS/Events/TriggeredRules=1:codeflow-info-platform-prod-images-replication")},
		"info-platform-prod-objects-replication":   {faults: faults("metric=AWS/S3/OperationsFailedReplication=1")},
		"info-platform-prod-root-login":            {faults: faults("metric=CodeFlow/RootLogins=1")},
		"info-platform-prod-unauthorized-calls":    {faults: faults("metric=CodeFlow/UnauthorizedCalls=50"), level: 1},
		"info-platform-prod-key-deletion":          {faults: faults("metric=CodeFlow/KeyDeletions=1")},
		"info-platform-prod-replication-stopped":   {faults: faults("metric=CodeFlow/ReplicationsStopped=1")},
		"info-platform-prod-trail-changed":         {faults: faults("metric=CodeFlow/TrailChanges=1")},
		"info-platform-prod-nat-1-ports":           {faults: faults("metric=AWS/NATGateway/ErrorPortAllocation=1")},
		"info-platform-prod-nat-2-ports":           {faults: faults("metric=AWS/NATGateway/ErrorPortAllocation=1")},
		"info-platform-prod-nat-3-ports":           {faults: faults("metric=AWS/NATGateway/ErrorPortAllocation=1")},
		"info-platform-prod-certificate":           {faults: faults("metric=AWS/CertificateManager/DaysToExpiry=20"), level: 1},
		"info-platform-prod-waf-blocked":           {faults: faults("metric=AWS/WAFV2/BlockedRequests=2000:eu-central-1"), level: 1},
		"info-platform-prod-waf-share":             {faults: faults("metric=AWS/WAFV2/BlockedRequests=500:eu-central-1"), level: 1},
		"info-platform-prod-acknowledged":          {faults: faults("metric=CodeFlow/Acknowledged=1:codeflow-info-platform-prod")},
		"info-platform-prod-page-1":                {faults: faults("metric=AWS/RDS/CPUUtilization=none"), level: 1},
		"info-platform-prod-page-2":                {faults: faults("metric=AWS/RDS/CPUUtilization=none"), level: 2},
		"info-platform-prod-page-3":                {faults: faults("metric=AWS/RDS/CPUUtilization=none"), level: 3},
		"info-platform-prod-cdn-5xx-rate":          {faults: faults("metric=AWS/CloudFront/5xxErrorRate=5")},
		"info-platform-prod-cdn-cache-hits":        {faults: faults("metric=AWS/CloudFront/CacheHitRate=5"), level: 1},
		"info-platform-prod-cdn-certificate":       {faults: faults("metric=AWS/CertificateManager/DaysToExpiry=20"), level: 1},
		"info-platform-prod-cdn-waf-blocked":       {faults: faults("metric=AWS/WAFV2/BlockedRequests=2000"), level: 1},
		"info-platform-prod-cdn-waf-share":         {faults: faults("metric=AWS/WAFV2/BlockedRequests=500"), level: 1},
		"info-platform-prod-cdn-health-check":      {faults: faults("metric=AWS/Route53/HealthCheckStatus=0")},
		"info-platform-prod-cdn-acknowledged":      {faults: faults("metric=CodeFlow/Acknowledged=1:codeflow-info-platform-prod-cdn")},
		"info-platform-prod-cdn-page-1":            {faults: faults("metric=AWS/CloudFront/5xxErrorRate=5"), level: 1},
		"info-platform-prod-cdn-page-2":            {faults: faults("metric=AWS/CloudFront/5xxErrorRate=5"), level: 2},
		"info-platform-prod-cdn-page-3":            {faults: faults("metric=AWS/CloudFront/5xxErrorRate=5"), level: 3},
	},
}

// belfry rings the alarms of a sandbox.
type belfry struct {
	*engine.Sandbox
	t    *testing.T
	path atomic.Value // of the requests.

	mu   sync.Mutex
	rows []string
}

func TestEveryAlarmRings(t *testing.T) {
	t.Parallel()
	b := &belfry{Sandbox: openAs(t, engine.Options{Dir: withBlue.copied(t), Run: true}), t: t}
	// Some alarms exist with traffic, and with a setting, only.
	set(t, b.Sandbox, "prod", map[string]int{"blue": 100}, "codeflow:traffic")
	set(t, b.Sandbox, "prod", 50, "codeflow:platform", "cdn", "minCacheHitPercent")
	run(t, b.Sandbox, "prod", engine.Up)
	exists := map[string]bool{}
	for _, r := range b.Cloud.Store().List(func(*cloud.Resource) bool { return true }) {
		property := map[string]string{"cloudwatch/metricAlarm": "name", "cloudwatch/compositeAlarm": "alarmName"}[r.Short()]
		if name, ok := r.Outputs[property].(string); ok && property != "" {
			exists[strings.TrimPrefix(name, "codeflow-")] = true
		}
	}

	b.ask("/health")
	stop := make(chan struct{})
	var clients, groups sync.WaitGroup
	clients.Go(func() { b.send(stop) })
	for group, rows := range bells {
		names := make([]string, 0, len(rows))
		for name := range rows {
			assert.True(t, exists[name], "%s does not exist", name)
			names = append(names, name)
			delete(exists, name)
		}
		slices.Sort(names)
		groups.Go(func() {
			for _, name := range names {
				b.ring(group, "codeflow-"+name, rows[name])
			}
		})
	}
	assert.Empty(t, exists, "alarms that no row makes ring")
	groups.Wait()
	close(stop)
	clients.Wait()

	slices.Sort(b.rows)
	table := "| alarm | fault | tells | seconds here |\n|---|---|---|---|\n" + strings.Join(b.rows, "\n") + "\n"
	t.Log("\n" + table)
	require.NoError(t, os.WriteFile(filepath.Join(root, ".sandbox", "alarms.md"), []byte(table), 0o600))
}

func (b *belfry) status() account.Status {
	status, err := b.Account.Status()
	assert.NoError(b.t, err)
	return status
}

func (b *belfry) ask(path string) { b.path.Store(path) }

// send sends 100 requests a second to blue until it is stopped: a minute of AWS's
// is a second, and a rate needs 50 in a minute.
func (b *belfry) send(stop <-chan struct{}) {
	client, err := b.status().Client()
	if !assert.NoError(b.t, err) {
		return
	}
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 1000
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	var pending sync.WaitGroup
	defer pending.Wait()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			pending.Go(func() {
				response, err := client.Get("https://blue.codeflow.example.com" + b.path.Load().(string))
				if err == nil {
					_ = response.Body.Close()
				}
			})
		}
	}
}

// state of an alarm.
func (b *belfry) state(name string) alarm.State {
	for _, a := range b.status().AllAlarms {
		if a.Name == name {
			return a.State
		}
	}
	return ""
}

var levelOf = regexp.MustCompile(`-level-(\d)`)

// told reports whether an alarm told a level that it rings, since a time.
func (b *belfry) told(name string, level int, since time.Time) bool {
	return slices.ContainsFunc(b.status().Told, func(n alarm.Notification) bool {
		match := levelOf.FindStringSubmatch(n.Action)
		return n.Alarm == name && n.State == alarm.StateAlarm && !n.Time.Before(since) &&
			match != nil && match[1] == fmt.Sprint(level)
	})
}

func (b *belfry) eventually(holds func() bool, what string) bool {
	return assert.Eventually(b.t, holds, runtimetest.Patience, 200*time.Millisecond, what)
}

// ring makes an alarm ring, and end.
func (b *belfry) ring(group, name string, how bell) {
	quiet := func() bool { return b.state(name) != alarm.StateAlarm }
	if !b.eventually(quiet, name+" rings before its fault") {
		return
	}
	began := time.Now()
	for _, fault := range how.faults {
		assert.NoError(b.t, b.Account.SetFault(fault, true), name)
	}
	if group == "blue" {
		b.ask(cmp.Or(how.path, "/health"))
	}
	rang := b.eventually(func() bool { return b.state(name) == alarm.StateAlarm }, name+" does not ring")
	seconds, tells := time.Since(began).Seconds(), "-"
	if how.level > 0 && rang {
		b.eventually(func() bool { return b.told(name, how.level, began) }, fmt.Sprintf("%s does not tell level %d", name, how.level))
		tells = fmt.Sprintf("level %d after %.0f s", how.level, time.Since(began).Seconds())
	}
	for _, fault := range how.faults {
		assert.NoError(b.t, b.Account.SetFault(fault, false), name)
	}
	if group == "blue" {
		b.ask("/health")
	}
	b.eventually(func() bool { return b.state(name) == alarm.StateOK }, name+" does not end")
	cause := "`" + strings.Join(how.faults, "`, `") + "`"
	if how.path != "" {
		cause = "requests for `" + how.path + "`"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, fmt.Sprintf("| `%s` | %s | %s | %.1f |", name, cause, tells, seconds))
}
