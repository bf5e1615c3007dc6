package engine

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
)

// ttl of aliases, the interval between two samples, and the window of requests, in
// AWS's seconds. Requests come no faster when time does, so the window is longer than
// at AWS, to have enough of them.
const (
	ttl, interval = 60, 10
	window        = 360
)

// Ops is where the traffic controller works on a platform's stack of this sandbox.
// What it waits for passes at the sandbox's time scale; a bake and a guard are given
// in real time.
func (s *Sandbox) Ops(platform string, log io.Writer) *cli.Target {
	return &cli.Target{
		Cloud: s.Account,
		Stacks: pulumi.New(pulumi.Options{
			Dir: s.root, Platform: platform, File: s.StackFile(platform), Open: s.stack, Log: log,
		}),
		Schema: ops.Migrations(os.DirFS(filepath.Join(s.root, "server", "database", "migrations"))),
		Colors: s.platform.Colors,
		Dir:    s.path("ops", platform),
		Probe:  s.probe,
		File:   s.StackFile(platform),
		// As autoscaling here: 1000 requests in one of these minutes.
		Thresholds: ops.Thresholds{Load: 1000 / s.scale.Seconds(60).Seconds()},
		Pace:       ops.Pace{TTL: s.scale.Seconds(ttl), Interval: s.scale.Seconds(interval), Window: s.scale.Seconds(window)},
	}
}

// probe sends a request to a colour's own name.
func (s *Sandbox) probe(ctx context.Context, color string) error {
	running, err := s.Account.Status()
	if err != nil {
		return err
	}
	client, err := running.Client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return ops.Get(ctx, client, "https://"+naming.ColorDomain(color, s.Domain())+"/health")
}
