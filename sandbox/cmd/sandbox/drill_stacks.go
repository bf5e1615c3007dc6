package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

const (
	platformStack, drilledColor, recovery = "prod", "blue", "dr"
	// drillPatience is how long a request may take to be served, in real time.
	drillPatience = 3 * time.Minute
)

// drillStacks is the [drill.Platform] of a sandbox that runs in this process: prod,
// one colour and the standby in another region. A restore is one of config, as a new
// generation or in the other region.
type drillStacks struct {
	*engine.Sandbox

	account    *account.Account
	names      naming.Platform // of the platform that has the database in use
	generation int
	color      string // that serves from it
}

// Up brings the stacks up and gives the colour the traffic.
func (s *drillStacks) Up(ctx context.Context) error {
	var ok bool
	if s.account, ok = s.Account.(*account.Account); !ok {
		return errors.New("the sandbox runs in another process: stop it, or use another --dir")
	}
	s.names, s.generation, s.color = s.Names(), 1, drilledColor
	if err := s.up(ctx, platformStack, drilledColor, recovery); err != nil {
		return err
	}
	if err := s.SetConfig(platformStack, map[string]int{drilledColor: 100}, "codeflow:traffic"); err != nil {
		return err
	}
	if err := s.up(ctx, platformStack); err != nil {
		return err
	}
	return s.Serve(ctx)
}

func (s *drillStacks) up(ctx context.Context, stacks ...string) error {
	for _, stack := range stacks {
		if _, err := s.Run(ctx, stack, engine.Up); err != nil {
			return err
		}
	}
	return nil
}

func (s *drillStacks) identifier() string { return s.names.DatabaseGeneration(s.generation) }

// Connect implements [drill.Platform].
func (s *drillStacks) Connect(ctx context.Context) (*pgx.Conn, error) {
	url, err := s.account.DatabaseURL(s.identifier())
	if err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, url)
}

// uses are the requests that the server counts.
const uses = 50

// Use implements [drill.Platform].
func (s *drillStacks) Use(ctx context.Context) error {
	for range uses {
		var agent struct{ Name string }
		if _, err := s.Get(ctx, "/api/v1/agents/code-reviewer", &agent); err != nil {
			return err
		}
		if agent.Name == "" {
			return errors.New("the server has no agent code-reviewer")
		}
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for end, counted := time.Now().Add(drillPatience), 0; counted < uses; time.Sleep(50 * time.Millisecond) {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM usage_events").Scan(&counted); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the server counted %d of %d uses within %s", counted, uses, drillPatience)
		}
	}
	return nil
}

// Backup implements [drill.Platform].
func (s *drillStacks) Backup(ctx context.Context) error { return s.account.Backup(ctx, s.identifier()) }

// Restorable implements [drill.Platform].
func (s *drillStacks) Restorable() (latest, replicated time.Time) {
	return s.account.Restorable(s.identifier())
}

// LoseRegion implements [drill.Platform].
func (s *drillStacks) LoseRegion() error {
	return s.account.SetFault(account.FaultRegionDown+":"+s.Region(), true)
}

// Restore implements [drill.Platform].
func (s *drillStacks) Restore(ctx context.Context, until time.Time) error {
	if until.IsZero() {
		return s.activate(ctx)
	}
	from := map[string]string{"pointInTime": until.UTC().Format(time.RFC3339Nano)}
	for key, value := range map[string]any{"generation": s.generation + 1, "restoreFrom": from} {
		if err := s.SetConfig(platformStack, value, "codeflow:platform", "database", key); err != nil {
			return err
		}
	}
	s.generation++
	return s.up(ctx, platformStack, drilledColor)
}

// activate brings the other region up, from what its config has been told of prod.
func (s *drillStacks) activate(ctx context.Context) error {
	outputs, err := s.Outputs(ctx, platformStack)
	if err != nil {
		return err
	}
	backup := map[string]any{"arn": outputs["replicatedBackupArn"], "keyArn": outputs["recoveryKeyArn"]}
	for key, value := range map[string]any{"backup": backup, "active": true} {
		if err := s.SetConfig(recovery, value, "codeflow:dr", key); err != nil {
			return err
		}
	}
	s.names.Environment, s.generation, s.color = recovery, 1, recovery
	return s.up(ctx, recovery)
}

// Serve implements [drill.Platform]: the colour says that it has its database.
func (s *drillStacks) Serve(ctx context.Context) (err error) {
	for end := time.Now().Add(drillPatience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		var health struct{ Status, Color string }
		if _, err = s.Get(ctx, "/health", &health); err == nil && health.Status == "healthy" && health.Color == s.color {
			return nil
		}
		err = fmt.Errorf("%q is %q, not %q healthy: %w", health.Color, health.Status, s.color, err)
	}
	return errors.Join(err, ctx.Err())
}
