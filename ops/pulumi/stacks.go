package pulumi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/state"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Options of [New].
type Options struct {
	// Dir is the project's folder.
	Dir string
	// Platform is the platform's stack, for example "prod".
	Platform string
	// File is the platform's stack file. Default: Pulumi.<platform>.yaml in Dir.
	File string
	// Open returns a stack, best of a [Quick] CLI. Default: the program in Dir, run by
	// the CLI on PATH.
	Open func(ctx context.Context, stack string) (auto.Stack, error)
	// Log gets the engine's progress. Required.
	Log io.Writer
}

// Stacks implements [ops.Stacks].
type Stacks struct {
	opts Options
	// previewed is the stack file, but for the weights, of the last good preview.
	previewed string
	me        self

	mu     sync.Mutex
	opened map[string]*auto.Stack
}

var _ ops.Stacks = (*Stacks)(nil)

// New returns the stacks of a project.
func New(opts Options) *Stacks {
	if opts.File == "" {
		opts.File = filepath.Join(opts.Dir, "Pulumi."+opts.Platform+".yaml")
	}
	if opts.Open == nil {
		opts.Open = func(ctx context.Context, stack string) (auto.Stack, error) {
			command, err := auto.NewPulumiCommand(nil)
			if err != nil {
				return auto.Stack{}, err
			}
			return auto.SelectStackLocalSource(ctx, stack, opts.Dir, auto.Pulumi(Quick(command)), auto.EnvVars(map[string]string{
				// A state must not make the engine download what it then runs.
				"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
			}))
		}
	}
	return &Stacks{opts: opts, me: whoAmI(), opened: map[string]*auto.Stack{}}
}

// Traffic implements [ops.Stacks].
func (s *Stacks) Traffic(context.Context) (ops.Weights, error) {
	file, err := readStackFile(s.opts.File)
	if err != nil {
		return nil, err
	}
	weights, err := file.traffic()
	if err != nil {
		return nil, fmt.Errorf("stack config %q: %w", s.opts.File, err)
	}
	return weights, nil
}

// SetTraffic implements [ops.Stacks].
func (s *Stacks) SetTraffic(_ context.Context, was, weights ops.Weights) error {
	file, err := readStackFile(s.opts.File)
	if err != nil {
		return err
	}
	now, err := file.traffic()
	if err == nil && !maps.Equal(now, was) {
		return fmt.Errorf("stack config %q: %w", s.opts.File, ops.ErrTrafficChanged)
	}
	if err == nil {
		file, err = file.withTraffic(weights)
	}
	if err != nil {
		return fmt.Errorf("stack config %q: %w", s.opts.File, err)
	}
	return file.write(s.opts.File)
}

// Apply implements [ops.Stacks]. The update is previewed, unless one was that
// differs in the weights only: its seconds are most of a switch, and on the way back
// they count.
func (s *Stacks) Apply(ctx context.Context) error {
	stack, err := s.stack(ctx, s.opts.Platform)
	if err != nil {
		return err
	}
	if err := s.preview(ctx, stack); err != nil {
		return err
	}
	var watched *changes
	if err := s.free(ctx, stack, func() error {
		watched = newChanges()
		defer watched.End()
		_, err := stack.Up(context.WithValue(ctx, eventsOnly{}, true), optup.ProgressStreams(s.opts.Log), optup.ErrorProgressStreams(s.opts.Log),
			optup.EventStreams(watched.Events), optup.SuppressOutputs())
		return err
	}); err != nil {
		return fmt.Errorf("updating stack %q: %w", s.opts.Platform, watched.Explain(err))
	}
	return watched.onlyRecords(s.opts.Platform)
}

// preview fails when more than records would change.
func (s *Stacks) preview(ctx context.Context, stack *auto.Stack) error {
	file, err := readStackFile(s.opts.File)
	if err != nil {
		return err
	}
	rest, err := file.withTraffic(ops.Weights{})
	if err != nil {
		return fmt.Errorf("stack config %q: %w", s.opts.File, err)
	}
	if string(rest) == s.previewed {
		return nil
	}
	watched := newChanges()
	_, err = stack.Preview(ctx, optpreview.ProgressStreams(s.opts.Log), optpreview.ErrorProgressStreams(s.opts.Log),
		optpreview.EventStreams(watched.Events), optpreview.SuppressOutputs())
	watched.End()
	if err != nil {
		return fmt.Errorf("previewing stack %q: %w", s.opts.Platform, watched.Explain(err))
	}
	if err := watched.onlyRecords(s.opts.Platform); err != nil {
		return err
	}
	s.previewed = string(rest)
	return nil
}

// Refresh implements [ops.Stacks]. What the engine had begun to make and did not
// finish is forgotten.
func (s *Stacks) Refresh(ctx context.Context) error {
	stack, err := s.stack(ctx, s.opts.Platform)
	if err != nil {
		return err
	}
	exported, err := s.export(ctx, stack)
	if err != nil {
		return err
	}
	records, err := recordsOf(exported)
	if err != nil {
		return fmt.Errorf("reading the state of stack %q: %w", s.opts.Platform, err)
	}
	if len(records) == 0 {
		return nil
	}
	var watched *changes
	if err := s.free(ctx, stack, func() error {
		watched = newChanges()
		defer watched.End()
		_, err := stack.Refresh(context.WithValue(ctx, eventsOnly{}, true), optrefresh.Target(records), optrefresh.ClearPendingCreates(), optrefresh.ProgressStreams(s.opts.Log),
			optrefresh.ErrorProgressStreams(s.opts.Log), optrefresh.EventStreams(watched.Events))
		return err
	}); err != nil {
		return fmt.Errorf("refreshing the records of stack %q: %w", s.opts.Platform, watched.Explain(err))
	}
	return nil
}

// recordsOf lists the records in a stack's state, by URN.
func recordsOf(exported []byte) (urns []string, err error) {
	var read struct {
		Deployment apitype.DeploymentV3 `json:"deployment"`
	}
	if err := json.Unmarshal(exported, &read); err != nil {
		return nil, err
	}
	for _, r := range read.Deployment.Resources {
		if r.Type == recordType {
			urns = append(urns, string(r.URN))
		}
	}
	return urns, nil
}

// export is a stack's state, which is refused when it names what the program does not.
// The Automation API exports with the secrets shown, for which the engine would already
// ask the secrets provider that the state names.
func (s *Stacks) export(ctx context.Context, stack *auto.Stack) ([]byte, error) {
	w := stack.Workspace()
	var env []string
	if home := w.PulumiHome(); home != "" {
		env = append(env, "PULUMI_HOME="+home)
	}
	for name, value := range w.GetEnvVars() {
		env = append(env, name+"="+value)
	}
	stdout, stderr, _, err := w.PulumiCommand().Run(ctx, w.WorkDir(), nil, nil, nil, env, "stack", "export", "--stack", stack.Name())
	if err != nil {
		return nil, fmt.Errorf("exporting stack %q: %w: %s", stack.Name(), err, strings.TrimSpace(stderr))
	}
	file, err := readStackFile(filepath.Join(filepath.Dir(s.opts.File), "Pulumi."+stack.Name()+".yaml"))
	if err != nil {
		return nil, err
	}
	return []byte(stdout), state.Check(stack.Name(), []byte(stdout), file)
}

// Release implements [ops.Stacks].
func (s *Stacks) Release(ctx context.Context, color string) (ops.Release, error) {
	var release ops.Release
	outputs, err := s.Outputs(ctx, color)
	if auto.IsSelectStack404Error(err) {
		return release, nil
	}
	if err == nil {
		// The fields' names are the outputs'.
		var data []byte
		if data, err = json.Marshal(outputs); err == nil {
			err = json.Unmarshal(data, &release)
		}
	}
	if err != nil {
		return release, fmt.Errorf("reading outputs of stack %q: %w", color, err)
	}
	return release, nil
}

// Outputs returns the outputs of a stack that are texts and not secret.
func (s *Stacks) Outputs(ctx context.Context, name string) (map[string]string, error) {
	stack, err := s.stack(ctx, name)
	if err != nil {
		return nil, err
	}
	all, err := stack.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for key, output := range all {
		if text, ok := output.Value.(string); ok && !output.Secret {
			texts[key] = text
		}
	}
	return texts, nil
}

func (s *Stacks) stack(ctx context.Context, name string) (*auto.Stack, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stack, ok := s.opened[name]; ok {
		return stack, nil
	}
	stack, err := s.opts.Open(ctx, name)
	if err != nil {
		return nil, err // the Automation API's own, which names the stack
	}
	if _, err := s.export(ctx, &stack); err != nil {
		return nil, err
	}
	s.opened[name] = &stack
	return &stack, nil
}
