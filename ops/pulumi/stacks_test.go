// The stacks with a command in place of the Pulumi CLI, which writes the engine's
// events as the CLI does. The real engine is the sandbox's to test.
package pulumi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// cli is a Pulumi CLI that answers by the first argument.
type cli struct {
	calls   []string
	events  map[string][]string // as JSON
	stdout  map[string]string
	failure map[string]string // standard error, once
}

// Version is one that sends the events by gRPC; older ones write them to a file, of
// which the Automation API may miss the end.
func (c *cli) Version() semver.Version { return semver.MustParse("3.274.1") }

// send sends events to the address that --event-log has.
func send(ctx context.Context, log string, lines ...string) error {
	conn, err := grpc.NewClient(strings.TrimPrefix(log, "tcp://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := pulumirpc.NewEventsClient(conn).StreamEvents(ctx)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := stream.Send(&pulumirpc.EventRequest{Event: line}); err != nil {
			return err
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func (c *cli) Run(ctx context.Context, _ string, _ io.Reader, _, _ []io.Writer, _ []string, args ...string) (string, string, int, error) {
	command := args[0]
	if command == "stack" {
		command += " " + args[1]
	}
	call := command
	for i, arg := range args {
		if arg == "--event-log" {
			if err := send(ctx, args[i+1], append(c.events[command], `{"sequence":9,"timestamp":1,"cancelEvent":{}}`)...); err != nil {
				return "", "", 1, err
			}
		}
		if strings.HasPrefix(arg, "--target") || strings.HasPrefix(arg, "--clear") || arg == "--show-secrets" && command == "stack export" {
			call += " " + arg
		}
	}
	c.calls = append(c.calls, call)
	if text, fails := c.failure[command]; fails {
		delete(c.failure, command)
		return "", text, 255, errors.New("exit status 255")
	}
	return c.stdout[command], "", 0, nil
}

const (
	same    = `{"sequence":1,"timestamp":1,"resourcePreEvent":{"metadata":{"op":"same","urn":"urn:pulumi:prod::codeflow::aws:ec2/vpc:Vpc::network","type":"aws:ec2/vpc:Vpc"}}}`
	record  = `{"sequence":2,"timestamp":1,"resourcePreEvent":{"metadata":{"op":"update","urn":"urn:pulumi:prod::codeflow::codeflow:dns:Traffic$aws:route53/record:Record::traffic-blue","type":"aws:route53/record:Record"}}}`
	replace = `{"sequence":3,"timestamp":1,"resourcePreEvent":{"metadata":{"op":"replace","urn":"urn:pulumi:prod::codeflow::codeflow:dns:Traffic$aws:route53/record:Record::traffic-blue","type":"aws:route53/record:Record"}}}`
	bucket  = `{"sequence":4,"timestamp":1,"resourcePreEvent":{"metadata":{"op":"update","urn":"urn:pulumi:prod::codeflow::aws:s3/bucket:Bucket::assets","type":"aws:s3/bucket:Bucket"}}}`
	summary = `{"sequence":6,"timestamp":1,"summaryEvent":{"resourceChanges":{"update":1}}}`
	exports = `{"version":3,"deployment":{"resources":[
		{"urn":"urn:pulumi:prod::codeflow::aws:route53/record:Record::live","type":"aws:route53/record:Record","custom":true},
		{"urn":"urn:pulumi:prod::codeflow::aws:ec2/vpc:Vpc::vpc","type":"aws:ec2/vpc:Vpc","custom":true}]}}`
	outputs = `{"digest":"sha256:aa","settledDigest":"sha256:aa","previousTaskDefinition":"arn:1","publicSubnetIds":["a"]}`
)

func newStacks(t *testing.T, c *cli) *Stacks {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: codeflow\nruntime: go\n"), 0o600))
	open := func(ctx context.Context, name string) (auto.Stack, error) {
		return auto.SelectStackLocalSource(ctx, name, dir, auto.Pulumi(Quick(c)))
	}
	if c.stdout == nil {
		c.stdout = map[string]string{}
	}
	c.stdout["stack output"], c.stdout["stack export"] = outputs, cmp.Or(c.stdout["stack export"], exports)
	c.stdout["stack history"] = "[]"
	for _, name := range []string{"prod", "green"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi."+name+".yaml"), []byte("config:\n  codeflow:traffic: {blue: 100}\n"), 0o600))
	}
	return New(Options{Dir: dir, Platform: "prod", Open: open, Log: io.Discard})
}

func (c *cli) did(command string) (n int) {
	for _, call := range c.calls {
		if call == command {
			n++
		}
	}
	return n
}

func TestApplyShowsRecordsOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		preview []string
		want    string
	}{
		"records":          {[]string{same, record, summary}, ""},
		"a replacement":    {[]string{replace, summary}, "would also replace traffic-blue: bring the platform up on its own first, with pulumi up -s prod"},
		"something else":   {[]string{record, bucket, summary}, "would also update assets"},
		"a failure":        {nil, `previewing stack "prod": `},
		"nothing to do":    {[]string{same, summary}, ""},
		"nothing and more": {[]string{same, bucket, replace, summary}, "would also update assets, replace traffic-blue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := &cli{events: map[string][]string{"preview": c.preview, "up": {summary}}}
			if name == "a failure" {
				command.failure = map[string]string{"preview": "error: preview failed"}
			}
			err := newStacks(t, command).Apply(t.Context())
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, 1, command.did("up"))
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, command.did("up"))
		})
	}
}

// The updates of a rollout differ in weights only.
func TestApplyPreviewsOnce(t *testing.T) {
	t.Parallel()
	command := &cli{events: map[string][]string{"preview": {record, summary}, "up": {record, summary}}}
	s := newStacks(t, command)
	for range 2 {
		require.NoError(t, s.Apply(t.Context()))
	}
	require.NoError(t, s.SetTraffic(t.Context(), ops.Weights{"blue": 100}, ops.Weights{"blue": 90, "green": 10}))
	require.NoError(t, s.Apply(t.Context()))
	assert.Equal(t, 1, command.did("preview"))
	assert.Equal(t, 3, command.did("up"))

	file := filepath.Join(s.opts.Dir, "Pulumi.prod.yaml")
	require.NoError(t, os.WriteFile(file, []byte("config:\n  codeflow:traffic: {blue: 90, green: 10}\n  codeflow:other: 1\n"), 0o600))
	require.NoError(t, s.Apply(t.Context()))
	assert.Equal(t, 2, command.did("preview"))
	command.events["up"] = []string{record, bucket, summary}
	require.ErrorContains(t, s.Apply(t.Context()), "also update assets", "what an update did is looked at too")
}

// A step starts the CLI once, after the look at the state and the first one's preview.
func TestApplyStartsTheCLIOnce(t *testing.T) {
	t.Parallel()
	command := &cli{events: map[string][]string{"preview": {record, summary}, "up": {record, summary}}}
	s := newStacks(t, command)
	require.NoError(t, s.Apply(t.Context()))
	assert.Equal(t, []string{"stack select", "stack export", "preview", "up"}, command.calls)
	require.NoError(t, s.Apply(t.Context()))
	assert.Equal(t, []string{"stack select", "stack export", "preview", "up", "up"}, command.calls)
	require.NoError(t, s.Refresh(t.Context()))
	assert.Equal(t, []string{"stack export", "refresh --clear-pending-creates --target=urn:pulumi:prod::codeflow::aws:route53/record:Record::live"}, command.calls[5:])
}

// The engine's own errors say enough, each once.
func TestExplain(t *testing.T) {
	t.Parallel()
	c := newChanges()
	for range 2 {
		var event events.EngineEvent
		event.DiagnosticEvent = &apitype.DiagnosticEvent{Severity: "error", Message: "<{%reset%}>traffic for \"green\" is refused<{%reset%}>\n"}
		c.Events <- event
	}
	c.End()
	failed := errors.New("stdout: everything")
	assert.EqualError(t, c.Explain(failed), `traffic for "green" is refused`)
	assert.Equal(t, failed, (&Collector{}).Explain(failed))
}

func TestOrphanedLockIsTakenAway(t *testing.T) {
	t.Parallel()
	me := self{Machine: "m", User: "root", Host: "laptop"}
	noted := self{Machine: "m", User: "root", Host: "laptop", Since: time.Date(2026, 6, 1, 11, 59, 59, 0, time.UTC)}
	but := func(of self, change func(*self)) self { change(&of); return of }
	locked := func(who string, pid int) string {
		return fmt.Sprintf("error: the stack is currently locked by 1 lock(s).\n  file:///x: created by %s (pid %d) at 2026-06-01T12:00:00Z", who, pid)
	}
	const never = 1 << 30 // no process has it
	for name, c := range map[string]struct {
		text      string
		me, noted self
		cancels   int
	}{
		"killed here":      {locked("root@laptop", never), me, noted, 1},
		"works here":       {locked("root@laptop", os.Getpid()), me, noted, 0},
		"another host":     {locked("root@elsewhere", never), me, noted, 0},
		"another user":     {locked("eve@laptop", never), me, noted, 0},
		"nothing noted":    {locked("root@laptop", never), me, self{}, 0},
		"a namesake":       {locked("root@laptop", never), me, but(noted, func(n *self) { n.Machine = "other" }), 0},
		"before the note":  {locked("root@laptop", never), me, but(noted, func(n *self) { n.Since = n.Since.Add(time.Hour) }), 0},
		"a workflow":       {locked("root@laptop", never), but(me, func(n *self) { n.Machine = "" }), but(noted, func(n *self) { n.Machine = "" }), 0},
		"and another lock": {locked("root@laptop", never) + locked("\n eve@elsewhere", never), me, noted, 0},
		"the service":      {"error: [409] Conflict: Another update is currently in progress.", me, noted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := &cli{events: map[string][]string{"preview": {summary}, "up": {summary}}, failure: map[string]string{"up": c.text}}
			s := newStacks(t, command)
			s.me = c.me
			require.NoError(t, s.begin(s.note("prod")))
			text, err := json.Marshal(c.noted)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(s.note("prod"), text, 0o600))
			err = s.Apply(t.Context())
			assert.Equal(t, c.cancels, command.did("cancel"))
			assert.NoFileExists(t, s.note("prod"), "it has ended")
			if c.cancels > 0 {
				require.NoError(t, err)
				assert.Equal(t, 2, command.did("up"))
				return
			}
			require.ErrorContains(t, err, "is being updated by somebody else (if nobody is, run pulumi cancel -s prod)")
		})
	}
}

func TestAWorkflowHasNoMachine(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "true")
	assert.Empty(t, whoAmI().Machine)
	assert.NotEmpty(t, whoAmI().User)
}

// Nothing of a state that is not this program's is run, whatever ops is about to do.
func TestTamperedStateIsRefused(t *testing.T) {
	t.Parallel()
	const provider = `{"urn":"urn:pulumi:prod::codeflow::pulumi:providers:%[1]s::p","type":"pulumi:providers:%[1]s","inputs":{%s}}`
	for name, c := range map[string]struct{ deployment, want string }{
		"a plugin's URL":   {`"resources":[` + fmt.Sprintf(provider, "aws", `"version":"6.83.4","__internal":{"pluginDownloadURL":"https://evil.example"}`) + `]`, `no such "__internal"`},
		"another provider": {`"resources":[` + fmt.Sprintf(provider, "command", `"version":"1.0.0"`) + `]`, `the program has no provider "command"`},
		"another key":      {`"secrets_providers":{"type":"cloud","state":{"url":"hashivault://evil"}}`, `secrets provider "cloud hashivault://evil"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for does, do := range map[string]func(*Stacks) error{
				"Apply":   func(s *Stacks) error { return s.Apply(t.Context()) },
				"Refresh": func(s *Stacks) error { return s.Refresh(t.Context()) },
				"Release": func(s *Stacks) error { _, err := s.Release(t.Context(), "green"); return err },
				"Outputs": func(s *Stacks) error { _, err := s.Outputs(t.Context(), "prod"); return err },
			} {
				command := &cli{stdout: map[string]string{"stack export": `{"version":3,"deployment":{` + c.deployment + `}}`}}
				require.ErrorContains(t, do(newStacks(t, command)), c.want, does)
				assert.Equal(t, []string{"stack select", "stack export"}, command.calls, does)
			}
		})
	}
}

// Of the engine's own commands only the export that is checked comes before, and it
// must not ask the secrets provider.
func TestExportShowsNoSecrets(t *testing.T) {
	t.Parallel()
	command := &cli{events: map[string][]string{"preview": {summary}, "up": {summary}}}
	s := newStacks(t, command)
	require.NoError(t, s.Apply(t.Context()))
	require.NoError(t, s.Refresh(t.Context()))
	assert.Equal(t, 2, command.did("stack export"))
	assert.Zero(t, command.did("stack export --show-secrets"))
}

func TestRefreshTakesRecordsOnly(t *testing.T) {
	t.Parallel()
	command := &cli{}
	require.NoError(t, newStacks(t, command).Refresh(t.Context()))
	assert.True(t, slices.Contains(command.calls, "refresh --clear-pending-creates --target=urn:pulumi:prod::codeflow::aws:route53/record:Record::live"), "%v", command.calls)
}

func TestRelease(t *testing.T) {
	t.Parallel()
	command := &cli{}
	s := newStacks(t, command)
	got, err := s.Release(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, ops.Release{Digest: "sha256:aa", SettledDigest: "sha256:aa", PreviousTaskDefinition: "arn:1"}, got)
	command.failure = map[string]string{"stack select": "error: no stack named 'purple' found"}
	got, err = s.Release(t.Context(), "purple")
	require.NoError(t, err)
	assert.Equal(t, ops.Release{}, got, "a stack that is not there has no outputs")
}
