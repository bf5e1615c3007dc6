//go:build linux

package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	region = "eu-central-1"
	domain = "codeflow.example.com"
	// fast makes 30 s of AWS 100 ms.
	fast timescale.Scale = 300
)

// in are the properties of a resource.
type in = map[string]any

// registry has the images of package runtimetest.
type registry struct{ down atomic.Bool }

func (*registry) Endpoint() string        { return runtimetest.Endpoint() }
func (*registry) Has(string, string) bool { return true }
func (*registry) Empty(string) bool       { return false }
func (*registry) Password() string        { return "" }
func (*registry) Remove(string) error     { return nil }
func (r *registry) SetDown(down bool)     { r.down.Store(down) }
func (r *registry) Down() bool            { return r.down.Load() }

// world is an account with a network.
type world struct {
	*account.Account
	t         *testing.T
	seen      ops.Cloud // as the traffic controller does.
	dir       string
	vpc, zone string
	subnets   []string
}

// open opens the account that is kept in a folder.
func open(t *testing.T, dir string, opts account.Options) *world {
	t.Helper()
	opts.Dir, opts.Images, opts.Out = dir, &registry{}, t.Output()
	opened, err := account.Open(opts)
	require.NoError(t, err)
	t.Cleanup(opened.Close)
	w := &world{t: t, dir: dir, Account: opened}
	w.vpc = w.seed("ec2/vpc", in{"cidrBlock": "10.0.0.0/16"}).ID
	for i, zone := range []string{"a", "b"} {
		w.subnets = append(w.subnets, w.seed("ec2/subnet", in{
			"vpcId": w.vpc, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i), "availabilityZone": region + zone,
		}).ID)
	}
	w.seed("ec2/internetGateway", in{"vpcId": w.vpc})
	w.zone = w.seed("route53/zone", in{"name": domain}).ID
	w.seen = opsaws.New(w.aws("codeflow-operator-prod"), opsaws.Settings{
		Project: "codeflow", Environment: "prod", Domain: domain, Minute: opts.TimeScale.Seconds(60),
	})
	return w
}

// aws leads an SDK to the account, as a role.
func (w *world) aws(role string) aws.Config {
	w.t.Helper()
	access, err := w.Access(role)
	require.NoError(w.t, err)
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(access.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access.AccessKeyID, access.SecretAccessKey, ""),
	}
}

// reopen closes the account and opens it again.
func (w *world) reopen() *world {
	w.t.Helper()
	w.Close()
	return open(w.t, w.dir, account.Options{TimeScale: fast})
}

// seed makes a resource as the provider does.
func (w *world) seed(short string, inputs in) *cloud.Resource {
	w.t.Helper()
	_, name, _ := strings.Cut(short, "/")
	r, err := w.Cloud.Seed("aws:"+short+":"+strings.ToUpper(name[:1])+name[1:], region, inputs)
	require.NoError(w.t, err)
	if w.Runtime != nil {
		require.NoError(w.t, w.Follower().Changed(short))
	}
	return r
}

// text is a property.
func text(r *cloud.Resource, property string) string {
	value, _ := r.Outputs[property].(string)
	return value
}

func (w *world) balancer(name string) *cloud.Resource {
	w.t.Helper()
	return w.seed("lb/loadBalancer", in{"name": name, "subnets": w.subnets, "idleTimeout": 2})
}

// record leads to a load balancer.
func (w *world) record(name string, to *cloud.Resource, policy in) {
	w.t.Helper()
	record := in{"zoneId": w.zone, "name": name, "type": "A", "aliases": []in{
		{"name": text(to, "dnsName"), "zoneId": text(to, "zoneId"), "evaluateTargetHealth": true},
	}}
	for key, value := range policy {
		record[key] = value
	}
	w.seed("route53/record", record)
}

// definition registers a task definition, and returns its ARN.
func (w *world) definition(color, image string, container in) string {
	w.t.Helper()
	properties := in{
		"name": "server", "image": image, "portMappings": []in{{"containerPort": runtimetest.Port}},
		"logConfiguration": in{"logDriver": "awslogs", "options": in{
			"awslogs-group": "/ecs/" + color, "awslogs-stream-prefix": "server", "awslogs-create-group": "true",
		}},
	}
	for key, value := range container {
		properties[key] = value
	}
	containers, err := json.Marshal([]in{properties})
	require.NoError(w.t, err)
	return text(w.seed("ecs/taskDefinition", in{"family": "codeflow-" + color, "containerDefinitions": string(containers)}), "arn")
}

// color is a colour whose service does not run yet.
type color struct{ balancer, group, service *cloud.Resource }

func (w *world) color(name, definition string, service in) color {
	w.t.Helper()
	c := color{balancer: w.balancer("codeflow-" + name)}
	c.group = w.seed("lb/targetGroup", in{
		"name": "codeflow-" + name, "port": runtimetest.Port, "protocol": "HTTP", "targetType": "ip", "vpcId": w.vpc, "deregistrationDelay": 5,
		"healthCheck": in{"path": "/health", "interval": 5, "timeout": 2, "healthyThreshold": 2, "unhealthyThreshold": 2},
	})
	w.seed("lb/listener", in{
		"loadBalancerArn": c.balancer.ID, "port": 80, "protocol": "HTTP", "defaultActions": []in{{"type": "forward", "targetGroupArn": c.group.ID}},
	})
	w.seed("ecs/cluster", in{"name": "codeflow-" + name + "-cluster"})
	properties := in{
		"name": "codeflow-" + name + "-service", "cluster": "codeflow-" + name + "-cluster", "taskDefinition": definition, "desiredCount": 2,
		"networkConfiguration":     in{"subnets": w.subnets},
		"loadBalancers":            []in{{"targetGroupArn": c.group.ID, "containerName": "server", "containerPort": runtimetest.Port}},
		"deploymentCircuitBreaker": in{"enable": true, "rollback": true},
	}
	for key, value := range service {
		properties[key] = value
	}
	c.service = w.seed("ecs/service", properties)
	c.service.URN = "urn:pulumi:" + name + "::codeflow::aws:ecs/service:Service::service"
	require.NoError(w.t, w.Cloud.Store().Put(c.service))
	return c
}

// steady notes that a service has settled, as the provider does.
func (w *world) steady(service *cloud.Resource) {
	w.t.Helper()
	service.Events = append([]string{fmt.Sprintf("(service %s) has reached a steady state.", text(service, "name"))}, service.Events...)
	require.NoError(w.t, w.Cloud.Store().Put(service))
}

// deploy runs a service with a task definition, as the provider does, and notes
// what it runs.
func (w *world) deploy(service *cloud.Resource, definition, before string) cloud.Outcome {
	w.t.Helper()
	service.Outputs["taskDefinition"] = definition
	ctx, cancel := context.WithTimeout(w.t.Context(), runtimetest.Patience)
	defer cancel()
	outcome, err := w.Follower().Deploy(ctx, service, before)
	require.NoError(w.t, err)
	if outcome.RolledBackTo != "" {
		service.Outputs["taskDefinition"] = outcome.RolledBackTo
	}
	service.Events = outcome.Events
	require.NoError(w.t, w.Cloud.Store().Put(service))
	return outcome
}

func (w *world) status() account.Status {
	w.t.Helper()
	status, err := w.Status()
	require.NoError(w.t, err)
	return status
}

// running is how a service runs.
func (w *world) running(service *cloud.Resource) scheduler.ServiceStatus {
	w.t.Helper()
	for _, s := range w.status().Services {
		if s.ARN == service.ID {
			return s
		}
	}
	return scheduler.ServiceStatus{}
}

// task is what a task that runs tells about itself.
func (w *world) task(service *cloud.Resource) (told struct {
	Release     string
	Environment []string
},
) {
	w.t.Helper()
	tasks := w.running(service).Tasks
	i := slices.IndexFunc(tasks, func(s scheduler.TaskStatus) bool { return s.Healthy && s.LastStatus == scheduler.Running })
	require.GreaterOrEqual(w.t, i, 0)
	response, err := http.Get("http://" + tasks[i].Address)
	require.NoError(w.t, err)
	defer response.Body.Close()
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(&told))
	return told
}

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	require.Eventually(t, holds, runtimetest.Patience, 20*time.Millisecond, what)
}

func TestOnPaper(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{OnPaper: true})
	require.NoError(t, w.Start(t.Context()))
	c := w.color("green", w.definition("green", runtimetest.Push(t), nil), nil)
	w.steady(c.service)
	for what, use := range map[string]func() error{
		"status": func() error { _, err := w.Status(); return err },
		"logs":   func() error { _, err := w.Logs("codeflow-green-service", time.Time{}); return err },
		"fault":  func() error { return w.SetFault("slow:green", true) },
	} {
		assert.NotPanics(t, func() { assert.ErrorContains(t, use(), "run", what) }, what)
	}
	green, err := w.seen.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, ops.Color{Desired: 2, TaskDefinition: text(c.service, "taskDefinition")}, green)
	require.NoError(t, w.SetFault("deploy-fails", true), "it holds for the next start")
	assert.NoDirExists(t, w.dir+"/runtime")
}
