package main

// These tests run the unmodified program on the real engine. They prove what the
// engine does with it over the simulated AWS, not that AWS accepts it.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// root is the project's folder.
var root = filepath.Join("..", "..", "..")

// asMain makes the test binary behave as the sandbox command, to be killed.
const asMain = "SANDBOX_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	code := m.Run()
	for _, dir := range warmed {
		_ = os.RemoveAll(dir) // it is below .sandbox, which make sandbox-clean removes.
	}
	os.Exit(code)
}

// newFolder makes a sandbox folder inside the project.
func newFolder(name string) (string, error) {
	parent, err := filepath.Abs(filepath.Join(root, ".sandbox", "test"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(parent, name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) // PostgreSQL does not run as root, and must pass it
}

// folder is a fresh sandbox folder of a test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := newFolder(strings.ReplaceAll(t.Name(), "/", "-"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// openAs opens a sandbox; its progress is shown when the test fails.
func openAs(t *testing.T, opts engine.Options) *engine.Sandbox {
	t.Helper()
	log := &strings.Builder{}
	opts.Root, opts.Out = root, log
	s, err := engine.Open(t.Context(), opts)
	require.NoError(t, err, log)
	t.Cleanup(func() {
		assert.NoError(t, s.Close())
		if t.Failed() {
			t.Log(log)
		}
	})
	return s
}

// open opens the sandbox in a folder.
func open(t *testing.T, dir string) *engine.Sandbox {
	t.Helper()
	return openAs(t, engine.Options{Dir: dir})
}

// seen is the account as the traffic controller sees it.
func seen(t *testing.T, s *engine.Sandbox) ops.Cloud {
	t.Helper()
	seen, err := s.Traffic(account.Administrator)
	require.NoError(t, err)
	return seen
}

func run(t *testing.T, s *engine.Sandbox, stack string, operation engine.Operation) *engine.Result {
	t.Helper()
	result, err := s.Run(t.Context(), stack, operation)
	require.NoError(t, err)
	return result
}

func set(t *testing.T, s *engine.Sandbox, stack string, value any, path ...string) {
	t.Helper()
	require.NoError(t, s.SetConfig(stack, value, path...))
}

func outputs(t *testing.T, s *engine.Sandbox, stack string) map[string]any {
	t.Helper()
	values, err := s.Outputs(t.Context(), stack)
	require.NoError(t, err)
	return values
}

func TestTour(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	require.NoError(t, runTour(t.Context(), s, io.Discard, io.Discard))
	var answered strings.Builder
	require.NoError(t, knock(t.Context(), s, &answered))
	if runtime.GOOS == "linux" {
		assert.Contains(t, answered.String(), "https://codeflow.example.com/health answers 200 OK: blue is healthy")
	}

	data, err := os.ReadFile(filepath.Join(s.Dir(), "tour.json"))
	require.NoError(t, err)
	var done report
	require.NoError(t, json.Unmarshal(data, &done))
	steps := map[string]reportStep{}
	for _, step := range done.Steps {
		steps[step.Step] = step
	}
	assert.Len(t, done.Steps, 19)
	assert.GreaterOrEqual(t, steps["prod up"].Changes["create"], 100)
	assert.GreaterOrEqual(t, steps["blue up"].Changes["create"], 25)
	assert.GreaterOrEqual(t, steps["green up, another agent"].Changes["create"], 25)
	for name, step := range steps {
		if strings.HasPrefix(name, "second up") || strings.HasPrefix(name, "refresh") {
			assert.Empty(t, step.Changed, name)
		}
		if strings.HasPrefix(name, "traffic") {
			assert.NotEmpty(t, step.Changed, name)
		}
		for _, change := range step.Changed {
			assert.NotEqual(t, "replace", change.Op, name)
			if strings.HasPrefix(name, "traffic") && name != "traffic blue 100" { // the first also makes an alarm
				assert.Contains(t, change.URN, "aws:route53/record:Record::", name)
			}
		}
	}

	// Everything was done by who would do it on AWS, and what the stacks have is what the
	// tests of the roles ask about.
	calls := s.Cloud.Calls()
	for _, caller := range []string{cloud.Administrator, "codeflow-deploy-prod", "codeflow-deploy-idle"} {
		assert.NotEmpty(t, calls[caller], caller)
	}
	assert.Len(t, calls, 3)
	golden.Equal(t, filepath.Join(root, "components", "access", "testdata", "inventory.json"),
		string(access.WriteInventory(cloud.Account, s.Cloud.Store().Inventory())))

	blue, green := outputs(t, s, "blue"), outputs(t, s, "green")
	assert.NotEqual(t, blue["digest"], green["digest"])
	assert.Equal(t, blue["digest"], blue["settledDigest"])
	for _, system := range []string{ // the guide's core components
		"aws:ec2/vpc:Vpc", "aws:ecs/service:Service", "aws:lb/loadBalancer:LoadBalancer", "aws:wafv2/webAcl:WebAcl",
		"aws:rds/instance:Instance", "aws:s3/bucketV2:BucketV2", "aws:cloudfront/distribution:Distribution",
	} {
		assert.Contains(t, string(data), system)
	}

	for _, stack := range engine.Names {
		state, err := os.ReadFile(filepath.Join(s.Dir(), "state", ".pulumi", "stacks", "codeflow", stack+".json"))
		require.NoError(t, err)
		assert.NotContains(t, string(state), "pulumi:providers:aws::default", "a second provider process, of another version")
	}
	require.NoError(t, s.DestroyAll(t.Context()))
	assertEmpty(t, s)
}

// assertEmpty checks that nothing is left but what no program made.
func assertEmpty(t *testing.T, s *engine.Sandbox) {
	t.Helper()
	for _, r := range s.Cloud.Orphans(func(string, string) bool { return false }) {
		// What the program retains: the revisions to go back to, and the keys of the
		// database's final snapshot and of its copied backups.
		if r.Type != "aws:ecs/taskDefinition:TaskDefinition" && !strings.HasSuffix(r.URN, "aws:kms/key:Key::database-key") &&
			!strings.HasSuffix(r.URN, "aws:kms/key:Key::database-recovery-key") {
			assert.Fail(t, "left behind", "%s %s", r.Type, r.URN)
		}
	}
}

func TestRolledBackDeployment(t *testing.T) {
	t.Parallel()
	s := open(t, withProd.copied(t))
	run(t, s, "green", engine.Up)
	before := outputs(t, s, "green")

	require.NoError(t, s.Account.SetFault("deploy-fails:codeflow-green-service", true))
	require.NoError(t, changeAgent(s))
	_, err := s.Run(t.Context(), "green", engine.Up)
	require.ErrorContains(t, err, `ECS rolled the deployment of service "codeflow-green-service" back`)
	require.ErrorContains(t, err, "pulumi up --refresh -s green")
	after := outputs(t, s, "green")
	assert.NotEqual(t, before["digest"], after["digest"], "asked for")
	assert.Equal(t, before["digest"], after["settledDigest"], "what runs")

	set(t, s, "prod", map[string]int{"green": 100}, "codeflow:traffic")
	_, err = s.Run(t.Context(), "prod", engine.Up)
	require.ErrorContains(t, err, `traffic for "green" is refused`)
	require.ErrorContains(t, err, "pulumi up --refresh -s green")

	_, err = s.Run(t.Context(), "green", engine.Up)
	require.ErrorContains(t, err, "ECS rolled the deployment", "a plain up sees no difference, and says so")

	require.NoError(t, s.Account.SetFault("deploy-fails:codeflow-green-service", false))
	run(t, s, "green", engine.UpRefresh)
	repaired := outputs(t, s, "green")
	assert.Equal(t, after["digest"], repaired["settledDigest"])
	assert.Equal(t, before["settledTaskDefinition"], repaired["previousTaskDefinition"])
	assert.Len(t, run(t, s, "prod", engine.Up).Changed, 2, "the weighted and the failover record")

	digest, _ := repaired["digest"].(string)
	require.NoError(t, seen(t, s).SetSwitchedBack(t.Context(), &ops.SwitchedBack{Color: "green", Digest: digest, Reason: "p95", Time: time.Now()}))
	_, err = s.Run(t.Context(), "prod", engine.Up)
	require.ErrorContains(t, err, `traffic for "green" is refused: its release `+digest+` was switched back`)
	set(t, s, "prod", map[string]string{"green": "it was a test"}, "codeflow:platform", "trafficOverride")
	run(t, s, "prod", engine.Up)
	assert.Equal(t, map[string]any{"green": "it was a test"}, outputs(t, s, "prod")["trafficOverride"])
}

func TestFirstDeploymentFails(t *testing.T) {
	t.Parallel()
	s := open(t, withProd.copied(t))
	require.NoError(t, s.Account.SetFault("deploy-fails", true))
	_, err := s.Run(t.Context(), "blue", engine.Up)
	require.ErrorContains(t, err, "codeflow-blue-service")
	require.ErrorContains(t, err, "tasks failed to start", "ECS's own events")

	set(t, s, "prod", map[string]int{"blue": 100}, "codeflow:traffic")
	_, err = s.Run(t.Context(), "prod", engine.Up)
	require.ErrorContains(t, err, "pulumi up -s blue")

	require.NoError(t, s.Account.SetFault("deploy-fails", false))
	run(t, s, "blue", engine.UpRefresh)
	run(t, s, "prod", engine.Up)
}

func TestTrafficForAStackThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := onPaper(t, nil)
	set(t, s, "prod", map[string]int{"blue": 100}, "codeflow:traffic")
	_, err := s.Run(t.Context(), "prod", engine.Up)
	require.ErrorContains(t, err, `reading stack "organization/codeflow/blue", bring it up with pulumi up -s blue`)
	require.ErrorContains(t, err, "unknown stack")
}

func TestDriftIsSeenAndRepaired(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withProd)
	require.NoError(t, s.Account.Drift("rds/instance", "database", "backupRetentionPeriod", "1"))
	assert.Len(t, run(t, s, "prod", engine.Refresh).Changed, 1)
	assert.Equal(t, []engine.Change{{
		URN: "urn:pulumi:prod::codeflow::codeflow:rds:Database$aws:rds/instance:Instance::database", Op: "update",
	}}, run(t, s, "prod", engine.Up).Changed)
	assert.Empty(t, run(t, s, "prod", engine.Refresh).Changed)
}

func TestWithoutADomain(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	set(t, s, "prod", nil, "codeflow:platform", "domain")
	for _, color := range []string{"blue", "green"} {
		set(t, s, color, nil, "codeflow:color", "domain")
	}
	for _, stack := range []string{"prod", "blue", "green"} {
		run(t, s, stack, engine.Up)
	}
	for _, color := range []string{"blue", "green"} {
		set(t, s, "prod", map[string]int{color: 100}, "codeflow:traffic")
		changed := run(t, s, "prod", engine.Up).Changed
		require.Len(t, changed, 1, "a switch is a distribution deployment")
		assert.Contains(t, changed[0].URN, "aws:cloudfront/distribution:Distribution")
		assert.Equal(t, "update", changed[0].Op)
	}
}

func TestCreatedZoneTakesTwoSteps(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	set(t, s, "prod", "create", "codeflow:platform", "domain", "zone")
	first := run(t, s, "prod", engine.Up)
	assert.NotEmpty(t, outputs(t, s, "prod")["nameServers"])
	for _, change := range first.Changed {
		assert.NotContains(t, change.URN, "aws:acm/")
		assert.NotContains(t, change.URN, "aws:cloudfront/")
	}
	_, err := s.Run(t.Context(), "blue", engine.Up)
	require.ErrorContains(t, err, `stack "prod" has no output`)

	set(t, s, "prod", true, "codeflow:platform", "domain", "delegated")
	second := run(t, s, "prod", engine.Up)
	assert.Positive(t, second.Counts["create"])
	assert.Zero(t, second.Counts["replace"]+second.Counts["delete"])
	run(t, s, "blue", engine.Up)
}

func TestNetworkStrategies(t *testing.T) {
	t.Parallel()
	s := onPaper(t, nil)
	for _, nat := range []string{"None", "Single", "OnePerAz"} {
		set(t, s, "prod", nat, "codeflow:platform", "network", "nat")
		run(t, s, "prod", engine.Up)
		assert.Empty(t, run(t, s, "prod", engine.Up).Changed, nat)
	}
}

func TestTraces(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("nothing runs here: tasks need Linux")
	}
	s := open(t, withBlue.copied(t))
	set(t, s, "blue", 100, "codeflow:color", "tracing", "samplePercent")
	run(t, s, "blue", engine.Up)
	set(t, s, "prod", map[string]int{"blue": 100}, "codeflow:traffic")
	run(t, s, "prod", engine.Up)
	_, err := s.Get(t.Context(), "/api/v1/agents/code-reviewer", &struct{}{})
	require.NoError(t, err)
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		status, err := s.Account.Status()
		require.NoError(c, err)
		require.NotEmpty(c, status.Traces.Traces)
		assert.Equal(c, "codeflow-server", status.Traces.Traces[0].Service)
		assert.Equal(c, "GET /api/v1/agents/{name}", status.Traces.Traces[0].Name)
	}, runtimetest.Patience, 100*time.Millisecond)
}

func TestPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withProd)
	run(t, s, "blue", engine.Preview)
	assert.Empty(t, s.Cloud.Orphans(func(urn, _ string) bool { return strings.HasPrefix(urn, "urn:pulumi:prod::") }))
	assert.Positive(t, run(t, s, "blue", engine.Up).Counts["create"])
	assert.Empty(t, run(t, s, "blue", engine.Preview).Changed)
}

func TestColorOfAnotherRegionIsRefused(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withProd)
	set(t, s, "blue", "eu-west-1", "codeflow:color", "region")
	_, err := s.Run(t.Context(), "blue", engine.Up)
	require.ErrorContains(t, err, `config "codeflow:color.region": must be the platform's, "eu-central-1", got "eu-west-1"`)
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	open(t, dir)
	_, err := engine.Open(t.Context(), engine.Options{Root: root, Dir: dir})
	require.ErrorContains(t, err, fmt.Sprintf("is in use by process %d", os.Getpid()))
}

func TestCancelledOperationReturns(t *testing.T) {
	t.Parallel()
	s := onPaper(t, nil)
	run(t, s, "prod", engine.Preview)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Run(ctx, "prod", engine.Up)
	require.Error(t, err)
}

// TestKills ends the tour again and again: the process dies right after a change
// of the account, or the process group is killed at some moment. Every next run
// must go on, and the last one must find nothing that no stack knows.
func TestKills(t *testing.T) {
	t.Parallel()
	dir, kills := folder(t), 0
	start := func(args ...string) (*exec.Cmd, *strings.Builder) {
		out := &strings.Builder{}
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], append([]string{"tour", "--root", root, "--dir", dir}, args...)...)
		cmd.Env = append(os.Environ(), asMain+"=1")
		cmd.Stdout, cmd.Stderr = out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		return cmd, out
	}
	for {
		cmd, out := start("--crash-after", "55")
		err := cmd.Wait()
		if err == nil {
			break
		}
		require.Equal(t, 137, cmd.ProcessState.ExitCode(), out)
		require.Less(t, kills, 40, "the tour does not get on")
		kills++
	}
	for i, after := range []time.Duration{300, 1100, 2300, 5500} {
		cmd, _ := start()
		time.Sleep(after * time.Millisecond)
		// Half of them leave the engine's process behind.
		pid := cmd.Process.Pid
		if i%2 == 0 {
			pid = -pid
		}
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		_ = cmd.Wait()
		kills++
	}
	cmd, out := start()
	require.NoError(t, cmd.Wait(), out)
	t.Logf("%d kills", kills)
	assert.GreaterOrEqual(t, kills, 10)

	s := open(t, dir)
	require.NoError(t, s.DestroyAll(t.Context()))
	assertEmpty(t, s)
}
