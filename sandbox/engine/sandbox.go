package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsx"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/registry"
	"github.com/ferg-cod3s/codeflow-infrastructure/stacks"
)

// Names of the stacks, in the order in which they come up.
var Names = []string{"prod", "blue", "green"}

const project = "codeflow"

// Options of a [Sandbox].
type Options struct {
	Root string    // the project's folder
	Dir  string    // the sandbox's folder, inside Root; default Root/.sandbox
	Out  io.Writer // progress; default: none
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
// time.
type Sandbox struct {
	Cloud *cloud.Cloud

	root, dir string
	out       io.Writer
	command   auto.PulumiCommand
	env       map[string]string
	stacks    map[string]auto.Stack
	lock      *flock.Flock
	stop      context.CancelFunc
}

// Open starts the simulated account and repairs what a killed run left.
func Open(ctx context.Context, opts Options) (*Sandbox, error) {
	root, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox: %w", err)
	}
	dir, err := filepath.Abs(opts.Folder())
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox: %w", err)
	}
	s := &Sandbox{root: root, dir: dir, out: opts.Out, stacks: map[string]auto.Stack{}}
	if s.out == nil {
		s.out = io.Discard
	}
	for _, folder := range []string{"stacks", "state", "home"} {
		if err := os.MkdirAll(s.path(folder), 0o755); err != nil {
			return nil, fmt.Errorf("opening the sandbox: %w", err)
		}
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	if err := s.start(ctx, serving, opts); err != nil {
		stop()
		return nil, errors.Join(err, s.lock.Unlock())
	}
	return s, nil
}

func (s *Sandbox) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Dir is the sandbox's folder.
func (s *Sandbox) Dir() string { return s.dir }

// StackFile is the config of a stack in the sandbox.
func (s *Sandbox) StackFile(stack string) string { return s.path("stacks", "Pulumi."+stack+".yaml") }

func (s *Sandbox) acquire() error {
	s.lock = flock.New(s.path("lock"))
	free, err := s.lock.TryLock()
	if err != nil {
		return fmt.Errorf("locking the sandbox %q: %w", s.dir, err)
	}
	if !free {
		holder, _ := os.ReadFile(s.path("running"))
		return fmt.Errorf("the sandbox %q is in use by %s: wait for it or stop it", s.dir, strings.TrimSpace(string(holder)))
	}
	return nil
}

// start serves the account until the serving context ends.
func (s *Sandbox) start(ctx, serving context.Context, opts Options) (err error) {
	if s.command, err = Command(ctx, filepath.Join(s.root, "sandbox"), filepath.Join(s.root, ".sandbox", "cli"), s.out); err != nil {
		return err
	}
	images, err := registry.Serve(serving, s.path("registry"), registry.Options{
		Repository: func(name string) (exists, immutable bool) { return s.Cloud.Repository(name) },
	})
	if err != nil {
		return err
	}
	if s.Cloud, err = cloud.Open(s.path("cloud"), cloud.Options{Images: images, CrashAfter: opts.CrashAfter}); err != nil {
		return err
	}
	if err := s.seed(); err != nil {
		return err
	}
	awsPort, err := s.Cloud.Serve(serving)
	if err != nil {
		return err
	}
	awsxPort, err := awsx.Serve(serving)
	if err != nil {
		return err
	}
	s.env = map[string]string{
		// Without metadata every write to the state is one rename, which no kill cuts in two.
		"PULUMI_BACKEND_URL":                            "file://" + filepath.ToSlash(s.path("state")) + "?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE":                      "sandbox", // guards simulated secrets only
		"PULUMI_DEBUG_PROVIDERS":                        fmt.Sprintf("aws:%d,awsx:%d", awsPort, awsxPort),
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION":   "true",
		"PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                      "true",
	}
	_, err = os.Stat(s.path("running"))
	killed := err == nil
	note := fmt.Sprintf("process %d since %s\n", os.Getpid(), time.Now().Format(time.DateTime))
	if err := os.WriteFile(s.path("running"), []byte(note), 0o600); err != nil {
		return fmt.Errorf("opening the sandbox: %w", err)
	}
	if killed {
		return s.repair(ctx)
	}
	return nil
}

// seed puts into the account what the program expects there: the delegated zone
// of the platform's domain.
func (s *Sandbox) seed() error {
	settings, err := readDocument(filepath.Join(s.root, "Pulumi.prod.yaml"))
	if err != nil {
		return err
	}
	zone, region := settings, ""
	for _, key := range []string{"config", "codeflow:platform", "domain"} {
		if r, ok := zone["region"].(string); ok {
			region = r
		}
		zone, _ = zone[key].(map[string]any)
	}
	name, _ := zone["zoneName"].(string)
	if name == "" {
		name, _ = zone["name"].(string)
	}
	if name == "" || zone["zone"] == "create" {
		return nil
	}
	_, err = s.Cloud.Seed("aws:route53/zone:Zone", region, map[string]any{"name": name})
	return err
}

// Close stops the simulated account and gives the sandbox free. When the context
// was cancelled, the next run repairs what the engine may have left half done.
func (s *Sandbox) Close(ctx context.Context) error {
	s.stop()
	if ctx.Err() != nil {
		return s.lock.Unlock()
	}
	return errors.Join(os.Remove(s.path("running")), s.lock.Unlock())
}

// stack returns the stack, made when it does not exist yet.
func (s *Sandbox) stack(ctx context.Context, name string) (auto.Stack, error) {
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
		auto.Pulumi(s.command), auto.PulumiHome(s.path("home")), auto.WorkDir(s.path("stacks")), auto.EnvVars(maps.Clone(s.env)),
		auto.SecretsProvider("passphrase"),
		auto.Project(*settings))
	if err != nil {
		return stack, fmt.Errorf("selecting stack %q: %w", name, err)
	}
	s.stacks[name] = stack
	return stack, nil
}
