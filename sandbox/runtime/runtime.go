package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/image"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Options of a [Runtime].
type Options struct {
	// Dir keeps unpacked images and logs. Required.
	Dir string
	// Registry is the URL of the registry that stands in for all. Required.
	Registry string
	// TimeScale is how many of AWS's seconds pass in one. Default 60.
	TimeScale timescale.Scale
	// Secret returns the value of a container's secret, when a task starts.
	// Default: there are none.
	Secret func(ctx context.Context, valueFrom string) (string, error)
	// Alarm reports whether a CloudWatch alarm is in ALARM, for the deployment
	// alarms. It is asked often during a deployment, and may ask [Runtime.Balancers]
	// but no other part of the runtime. Default: none is.
	Alarm func(name string) bool
	// HealthCheck reports whether a health check of Route 53 is healthy. Default: each is.
	HealthCheck func(id string) bool
	// Log is told each event that is logged, with its log group, and must be quick.
	// Optional.
	Log func(group, message string)
	// Faulted is that of [task.Host]. Optional.
	Faulted func(by *task.ContainerDefinition, status int, delay time.Duration)
	// DoorHTTP and DoorHTTPS are the addresses of the front door. Default
	// 127.0.0.1 and free ports.
	DoorHTTP, DoorHTTPS string
}

// Runtime runs the services of an account.
type Runtime struct {
	// Balancers are the load balancers and target groups, Zone the records, and
	// Door is where clients come in.
	Balancers *balancer.Balancers
	Zone      *dns.Zone
	Door      *dns.Door

	opts      Options
	host      *task.Host
	images    *image.Puller
	logs      *logs.Store
	scheduler *scheduler.Scheduler
	faults    *faults
	running   sync.WaitGroup // what watches tasks.
	closed    sync.Once

	mu      sync.Mutex
	groups  map[string]string // log groups by service.
	streams []io.Closer       // access logs.
}

// New returns a runtime with nothing in it. It fails on systems other than
// Linux.
func New(opts Options) (*Runtime, error) {
	if opts.Dir == "" || opts.Registry == "" {
		return nil, errors.New("starting the runtime: Dir and Registry are required")
	}
	opts.TimeScale = cmp.Or(opts.TimeScale, timescale.Default)
	host, err := task.NewHost(opts.TimeScale)
	if err != nil {
		return nil, fmt.Errorf("starting the runtime: %w", err)
	}
	r := &Runtime{
		opts: opts, host: host, groups: map[string]string{}, faults: newFaults(),
		images: image.NewPuller(opts.Registry, filepath.Join(opts.Dir, "images"), image.Limits{}),
		logs:   logs.Open(filepath.Join(opts.Dir, "logs"), 0),
	}
	r.host.Faulted, r.logs.Observe = opts.Faulted, opts.Log
	r.Balancers = balancer.New(balancer.Options{Scale: opts.TimeScale, AccessLog: r.accessLog})
	r.Zone = dns.NewZone(dns.Options{Scale: opts.TimeScale, HealthCheck: opts.HealthCheck, Target: func(dnsName string) (dns.Target, bool) {
		e, ok := r.Balancers.Endpoint(dnsName)
		return dns.Target{Address: e.Address, Healthy: e.Healthy}, ok
	}})
	r.scheduler = scheduler.New(scheduler.Options{
		Scale: opts.TimeScale, Runner: runner{r}, Targets: r.Balancers, Alarm: opts.Alarm,
		ZoneDown: r.faults.zoneDown, Throttled: r.faults.throttled,
	})
	r.Door, err = dns.OpenDoor(r.Zone, dns.DoorOptions{
		HTTP: opts.DoorHTTP, HTTPS: opts.DoorHTTPS, Endpoint: func(answer dns.Answer, port int) (string, bool) {
			e, _ := r.Balancers.Endpoint(answer.Target)
			address, ok := e.Listeners[port]
			return address, ok
		},
	})
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("starting the runtime: %w", err)
	}
	return r, nil
}

// Apply creates or updates an ECS service. Its target groups must exist.
func (r *Runtime) Apply(spec scheduler.Service) (*scheduler.Deployment, error) {
	d, err := r.scheduler.Apply(spec)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[spec.Name], _ = spec.TaskDefinition.Containers.Main().LogStream("")
	return d, nil
}

// Scale is [scheduler.Scheduler.Scale].
func (r *Runtime) Scale(service string, tasks int) error { return r.scheduler.Scale(service, tasks) }

// Utilization is [scheduler.Scheduler.Utilization].
func (r *Runtime) Utilization(service string) (cpu, memory float64, ok bool) {
	return r.scheduler.Utilization(service)
}

// Remove drains and stops a service.
func (r *Runtime) Remove(ctx context.Context, service string) error {
	return r.scheduler.Remove(ctx, service)
}

// Logs returns what the tasks of a service have logged since a time, the oldest
// first: the log group of the container that the load balancer talks to.
func (r *Runtime) Logs(service string, since time.Time) ([]logs.Event, error) {
	r.mu.Lock()
	group, ok := r.groups[service]
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("reading the logs of service %q: there is no such service", service)
	}
	return r.logs.Events(group, since)
}

// accessLogGroup is the group of a load balancer's access log.
func accessLogGroup(name string) string { return "alb/" + name }

// AccessLog returns the access log of a load balancer since a time.
func (r *Runtime) AccessLog(name string, since time.Time) ([]logs.Event, error) {
	return r.logs.Events(accessLogGroup(name), since)
}

func (r *Runtime) accessLog(name string) io.Writer {
	stream, err := r.logs.Stream(accessLogGroup(name), "access")
	if err != nil {
		return io.Discard // requests matter more.
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams = append(r.streams, stream)
	return stream
}

// Close kills all tasks, closes all ports, and returns when they are gone.
func (r *Runtime) Close() {
	r.closed.Do(func() {
		r.scheduler.Close()
		r.host.Close()
		r.running.Wait()
		if r.Door != nil {
			r.Door.Close()
		}
		r.Balancers.Close()
		r.images.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, stream := range r.streams {
			_ = stream.Close() // it has been written.
		}
	})
}
