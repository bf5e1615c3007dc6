package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsx"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/control"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/registry"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
	"github.com/ferg-cod3s/codeflow-infrastructure/stacks"
)

// Names of the stacks, in the order in which they come up.
var Names = []string{"bootstrap", "prod", "blue", "green", "dr"}

const project = "codeflow"

// Options of a [Sandbox].
type Options struct {
	Root string    // the project's folder
	Dir  string    // the sandbox's folder, inside Root; default Root/.sandbox
	Out  io.Writer // progress; default: none
	// Events is told every event of the engine. Default: nobody.
	Events func(events.EngineEvent)
	// TimeScale is how many of AWS's seconds pass in one. Default 60.
	TimeScale timescale.Scale
	// OnPaper runs no service: deployments are only judged.
	OnPaper bool
	// Run starts the services that were steady, and lets other processes work on
	// the account until the sandbox is closed.
	Run bool
	// As is who works on the stacks: a role that the bootstrap stack makes, by its name,
	// "administrator", or "nobody-asks", whom nothing is refused. Default: who would on AWS.
	As string
	// CrashAfter exits the process with status 137 after that many changes of the
	// simulated account, to test that the next run repairs what a kill leaves.
	CrashAfter int
}

// Folder is where the sandbox keeps everything.
func (o Options) Folder() string {
	if o.Dir != "" {
		return o.Dir
	}
	return filepath.Join(o.Root, ".sandbox")
}

// Sandbox is a simulated account and the stacks in it. One process has it at a
// time; others may work on it when it has [Options.Run].
type Sandbox struct {
	// Account is that of this process, or of the one that has it.
	Account control.Account
	// Cloud is nil in a process that only works on another one's account.
	Cloud *cloud.Cloud

	root, dir string
	out       io.Writer
	events    func(events.EngineEvent)
	scale     timescale.Scale
	platform  *pulumi.Platform
	command   auto.PulumiCommand
	env       map[string]string
	caller    string // Options.As
	lock      *flock.Flock
	close     []func() error
	closed    bool
	// interrupted is set when an operation was cancelled.
	interrupted atomic.Bool

	mu     sync.Mutex
	stacks map[string]auto.Stack
}

// Open starts the simulated account, or works on that of a process that runs it,
// and repairs what a killed run left.
func Open(ctx context.Context, opts Options) (*Sandbox, error) {
	root, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox: %w", err)
	}
	dir, err := filepath.Abs(opts.Folder())
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox: %w", err)
	}
	s := &Sandbox{root: root, dir: dir, out: opts.Out, events: opts.Events, scale: cmp.Or(opts.TimeScale, timescale.Default), stacks: map[string]auto.Stack{}}
	if s.out == nil {
		s.out = io.Discard
	}
	for _, folder := range []string{"stacks", "state", "home"} {
		if err := os.MkdirAll(s.path(folder), 0o755); err != nil {
			return nil, fmt.Errorf("opening the sandbox: %w", err)
		}
	}
	if s.platform, err = pulumi.ReadPlatform(filepath.Join(s.root, "Pulumi.prod.yaml")); err != nil {
		return nil, err
	}
	if s.command, err = Command(ctx, s.root, s.out); err != nil {
		return nil, err
	}
	s.caller = opts.As
	s.lock = flock.New(s.path("lock"))
	mine, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the sandbox %q: %w", s.dir, err)
	}
	if !mine {
		return s, s.attach(ctx)
	}
	if err := s.callers(opts.As); err != nil {
		return nil, errors.Join(err, s.lock.Unlock())
	}
	if err := s.start(ctx, opts); err != nil {
		return nil, errors.Join(err, s.shut(), s.lock.Unlock())
	}
	return s, nil
}

func (s *Sandbox) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Dir is the sandbox's folder.
func (s *Sandbox) Dir() string { return s.dir }

// Names are the platform's.
func (s *Sandbox) Names() naming.Platform {
	return naming.Platform{Project: s.platform.Project, Environment: s.platform.Environment}
}

// Region is the platform's.
func (s *Sandbox) Region() string { return s.platform.Region }

// Domain is the platform's.
func (s *Sandbox) Domain() string { return s.platform.Domain.Name }

// TimeScale is how many of AWS's seconds pass in one.
func (s *Sandbox) TimeScale() timescale.Scale { return s.scale }

// StackFile is the config of a stack in the sandbox.
func (s *Sandbox) StackFile(stack string) string { return s.path("stacks", "Pulumi."+stack+".yaml") }

// start serves the account.
func (s *Sandbox) start(ctx context.Context, opts Options) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.close = append(s.close, func() error { stop(); return nil })
	_, collector, _ := strings.Cut(tracing.Image, "@")
	images, err := registry.Serve(serving, s.path("registry"), registry.Options{
		Password:   rand.Text(),
		Repository: func(name string) (exists, immutable bool) { return s.Cloud.Repository(name) },
		StandIns:   []string{collector},
	})
	if err != nil {
		return err
	}
	simulated, err := account.Open(account.Options{
		Dir: s.dir, Images: images, TimeScale: opts.TimeScale, OnPaper: opts.OnPaper, CrashAfter: opts.CrashAfter, Out: s.out, Roles: s.bootstrapRoles,
	})
	if err != nil {
		return err
	}
	answering, hush := context.WithCancel(serving)
	s.close = append(s.close, func() error { simulated.Close(); return nil }, func() error { hush(); return nil })
	s.Cloud = simulated.Cloud
	s.Account = simulated
	if err := s.seed(); err != nil {
		return err
	}
	awsPort, err := s.Cloud.Serve(answering)
	if err != nil {
		return err
	}
	awsxPort, err := awsx.Serve(answering)
	if err != nil {
		return err
	}
	s.env = s.engineEnv(awsPort, awsxPort)
	cutOff := s.cutOff()
	if _, err := os.Stat(s.path("running")); err == nil {
		cutOff = Names
	}
	note := running{PID: os.Getpid(), Since: time.Now(), Scale: s.scale, Env: s.env}
	if err := s.write(note); err != nil {
		return err
	}
	if err := s.repair(ctx, cutOff); err != nil {
		return err
	}
	if !opts.Run {
		return nil
	}
	if err := simulated.Start(ctx); err != nil {
		fmt.Fprintf(s.out, "not every service is steady: %v\n", err)
	}
	if note.Serve, err = control.Serve(answering, s.Account); err != nil {
		return err
	}
	return s.write(note)
}

// engineEnv leads the engine to the sandbox's backend and providers.
func (s *Sandbox) engineEnv(aws, awsx int) map[string]string {
	return map[string]string{
		// Without metadata every write to the state is one rename, which no kill cuts in two.
		"PULUMI_BACKEND_URL":                            "file://" + filepath.ToSlash(s.path("state")) + "?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE":                      "sandbox", // guards simulated secrets only
		"PULUMI_DEBUG_PROVIDERS":                        fmt.Sprintf("aws:%d,awsx:%d", aws, awsx),
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION":   "true",
		"PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                      "true",
	}
}

// shut ends what was started, the last first.
func (s *Sandbox) shut() (err error) {
	for _, end := range slices.Backward(s.close) {
		err = errors.Join(err, end())
	}
	return err
}

// Close ends all that runs and gives the sandbox free. After an operation that was
// cancelled, the next run repairs what the engine may have left half done.
func (s *Sandbox) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.shut()
	if s.Cloud == nil {
		return err
	}
	if !s.interrupted.Load() {
		err = errors.Join(err, os.Remove(s.path("running")))
	}
	return errors.Join(err, s.lock.Unlock())
}

// seed puts into the account what the program expects there: the delegated zone
// of the platform's domain.
func (s *Sandbox) seed() error {
	domain := s.platform.Domain
	name := cmp.Or(domain.ZoneName, domain.Name)
	if name == "" || domain.Zone == "create" {
		return nil
	}
	_, err := s.Cloud.Seed("aws:route53/zone:Zone", s.platform.Region, map[string]any{"name": name})
	return err
}

// stack returns the stack, made when it does not exist yet.
func (s *Sandbox) stack(ctx context.Context, name string) (auto.Stack, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stack, ok := s.stacks[name]; ok {
		return stack, nil
	}
	if !slices.Contains(Names, name) {
		return auto.Stack{}, fmt.Errorf("unknown stack %q: there are %s", name, strings.Join(Names, ", "))
	}
	if err := s.copyConfig(name); err != nil {
		return auto.Stack{}, err
	}
	settings, err := workspace.LoadProject(filepath.Join(s.root, "Pulumi.yaml"))
	if err != nil {
		return auto.Stack{}, fmt.Errorf("reading the project: %w", err)
	}
	program := stacks.Program(stacks.Project{Module: s.root, Config: s.path("stacks")})
	stack, err := auto.UpsertStackInlineSource(ctx, name, project, program,
		auto.Pulumi(pulumi.Quick(command{s.command})), auto.PulumiHome(s.path("home")), auto.WorkDir(s.path("stacks")), auto.EnvVars(maps.Clone(s.env)),
		auto.SecretsProvider("passphrase"),
		auto.Project(*settings))
	if err != nil {
		return stack, fmt.Errorf("selecting stack %q: %w", name, err)
	}
	s.stacks[name] = stack
	return stack, nil
}
