package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Options of an [Account].
type Options struct {
	// Dir is where everything is kept. Required.
	Dir string
	// Images is the registry behind ECR. Required.
	Images Images
	// TimeScale is how many of AWS's seconds pass in one. Default 60.
	TimeScale timescale.Scale
	// OnPaper runs nothing: deployments are only judged.
	OnPaper bool
	// CrashAfter is that of [cloud.Options].
	CrashAfter int
	// Roles are those of [cloud.Options].
	Roles func() (map[string]iam.Policies, error)
	// Out is told what does not run, and why. Required.
	Out io.Writer
}

// Images is a registry that can be taken down.
type Images interface {
	cloud.Images
	SetDown(down bool)
	Down() bool
}

// Account is a simulated AWS account. Its methods are safe for concurrent use.
type Account struct {
	Cloud *cloud.Cloud
	// Runtime is nil when nothing runs: on paper, or on another system than Linux.
	Runtime *runtime.Runtime

	opts         Options
	certificates *authority
	databases    *databases
	api          *awsapi.Server
	secrets      *secretVersions
	metrics      alarm.Source // all of them: what is measured, published or made up.
	published    *alarm.Store
	metricFaults alarm.Faults
	watch        *alarm.Watch
	healthChecks healthChecks
	filters      atomic.Pointer[map[string][]metricFilter]
	ctx          context.Context //nolint:containedctx // the account's life.
	cancel       context.CancelFunc
	background   sync.WaitGroup

	// mu makes what runs follow one change at a time.
	mu   sync.Mutex
	said sync.Map // what Out was told.
	// records and objects are changed by one call at a time.
	records, objects sync.Mutex
}

// once reports whether it is the first time that a thing is to be said.
func (a *Account) once(what string) bool {
	_, again := a.said.LoadOrStore(what, true)
	return !again
}

// Open opens the account that is kept in a folder. Its load balancers and records
// answer at once, its services run from [Account.Start] on.
func Open(opts Options) (*Account, error) {
	a := &Account{opts: opts, published: alarm.NewStore(opts.TimeScale), watch: alarm.NewWatch(opts.TimeScale)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	var err error
	if a.Cloud, err = cloud.Open(filepath.Join(opts.Dir, "cloud"), cloud.Options{Images: opts.Images, CrashAfter: opts.CrashAfter, Roles: opts.Roles}); err != nil {
		return nil, err
	}
	if err := a.serveAPI(); err != nil {
		return nil, err
	}
	if a.secrets, err = openSecrets(a.path("secrets.json")); err != nil {
		a.Close()
		return nil, err
	}
	if opts.OnPaper {
		return a, nil
	}
	if a.Runtime, err = runtime.New(runtime.Options{
		Dir: a.path(), Registry: opts.Images.Endpoint(), TimeScale: opts.TimeScale, Secret: a.containerSecret, Alarm: a.rings,
		Log: a.filter, Faulted: a.faulted, HealthCheck: a.healthChecks.healthy,
	}); errors.Is(err, errors.ErrUnsupported) {
		fmt.Fprintf(opts.Out, "services do not run here, deployments are only judged: %v\n", err)
		return a, nil
	} else if err != nil {
		a.Close()
		return nil, err
	}
	if err := a.connect(); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// path is below the folder of what runs.
func (a *Account) path(parts ...string) string {
	return filepath.Join(append([]string{a.opts.Dir, "runtime"}, parts...)...)
}

func (a *Account) connect() (err error) {
	if a.certificates, err = openAuthority(a.path("certificates")); err != nil {
		return err
	}
	a.databases = newDatabases(a)
	a.metrics = a.source()
	a.background.Go(a.watchAlarms)
	a.Cloud.SetRuntime(follower{a})
	if err := a.databases.follow(a.ctx); err != nil {
		fmt.Fprintf(a.opts.Out, "not every database runs: %v\n", err)
	}
	a.background.Go(a.databases.keepBackups)
	return errors.Join(a.followBalancers(), a.followRecords())
}

// Start starts every service that was steady. It returns when all are steady again.
func (a *Account) Start(ctx context.Context) error {
	if a.Runtime == nil {
		return nil
	}
	var failures []error
	started := map[string]*scheduler.Deployment{}
	for _, service := range a.services() {
		deployment, err := a.apply(service, textOf(service, "taskDefinition"), true)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		started[service.ID] = deployment
	}
	for _, deployment := range started {
		failures = append(failures, deployment.Wait(ctx))
	}
	return errors.Join(append(failures, a.keptFaults())...)
}

// Close ends all that runs, and returns when it is gone.
func (a *Account) Close() {
	a.cancel()
	a.background.Wait()
	if a.Runtime != nil {
		a.Runtime.Close()
	}
	a.api.Close()
	a.databases.close()
}

// follower is the account as [cloud.Runtime].
type follower struct{ *Account }

// Changed implements [cloud.Runtime].
func (f follower) Changed(short string) error {
	service, _, _ := strings.Cut(short, "/")
	switch service {
	case "lb", "wafv2", "acm":
		return f.followBalancers()
	case "route53":
		return f.followRecords()
	case "rds":
		return f.databases.follow(f.ctx)
	case "ecs", "appautoscaling":
		return f.followServices()
	}
	return nil
}

// leastTime is the least real time that a deployment gets, however fast AWS's passes:
// the machine may be busy.
const leastTime = 3 * time.Minute

// Deploy implements [cloud.Runtime].
func (f follower) Deploy(ctx context.Context, service *cloud.Resource, before string) (cloud.Outcome, error) {
	name, began := textOf(service, "name"), time.Now()
	limited, cancel := context.WithTimeout(ctx, max(leastTime, f.opts.TimeScale.Seconds(15*60)))
	defer cancel()
	if before != "" && f.status(name) == nil {
		restored, err := f.apply(service, before, true)
		if err == nil {
			err = restored.Wait(limited)
		}
		if err != nil {
			return cloud.Outcome{}, fmt.Errorf("starting what ran before: %w", err)
		}
		began = time.Now()
	}
	if err := f.keptFaults(); err != nil {
		return cloud.Outcome{}, err
	}
	deployment, err := f.apply(service, textOf(service, "taskDefinition"), false)
	if err != nil {
		return cloud.Outcome{}, err
	}
	err = deployment.Wait(limited)
	outcome := cloud.Outcome{Failed: err != nil, Events: f.events(name, began)}
	var failure *scheduler.DeploymentError
	switch {
	case errors.As(err, &failure):
		outcome.RolledBackTo = failure.RolledBackTo
	case err != nil && limited.Err() == nil:
		return outcome, err
	case ctx.Err() != nil:
		return outcome, ctx.Err()
	}
	return outcome, nil
}

// events of a service since a time, the newest first.
func (a *Account) events(service string, since time.Time) (messages []string) {
	status := a.status(service)
	if status == nil {
		return nil
	}
	for _, e := range status.Events {
		if !e.CreatedAt.Before(since) {
			messages = append(messages, e.Message)
		}
	}
	return messages
}
