// Package rehearsal goes through what a platform must survive, under a constant
// load: releases that are good, that crash, that err and that are slow, and a
// database and a zone that are gone. What runs is real; see package account.
//
// The load is what the machine bears with headroom, which is measured first. What a
// scenario missed while the machine was too slow is not judged; verdict.go has the
// terms.
//
// Start with [Run]. The scenarios are a table in scenarios.go.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

// Options of a rehearsal. All are required.
type Options struct {
	// Sandbox is made anew in its Dir, where the report is in the end.
	Sandbox engine.Options
	// Rate is how many requests to send, per second: fewer where the machine bears no
	// more.
	Rate float64
	// Out gets the table of the scenarios and one line that sums it up. What is
	// going on is told to Sandbox.Out, and the engine's progress is in a file.
	Out io.Writer
}

// LogFile is what the engine says, in the folder of the report.
const LogFile = "rehearsal.log"

// rehearsal is one that is going on.
type rehearsal struct {
	opts    Options
	sandbox *engine.Sandbox
	traffic ops.Cloud     // as seen beside the controller.
	load    *traffic.Load // nil until the platform is up.
	pace    *traffic.Pace
	terms   terms
	said    io.Writer // progress, for people.
	log     io.Writer // the engine's.
	began   time.Time
	rows    []*row
	step    time.Time // when what is going on began.
	live    string    // the colour with all the traffic, and the other one.
	idle    string

	failures []traffic.Failure // samples.

	mu      sync.Mutex
	report  report.Report
	pending sync.WaitGroup // what goes on beside the scenarios.
}

// Run rehearses. It fails when a scenario does, and with [ErrTooSlow] when none fails
// but one could not be judged, after the report is written.
func Run(ctx context.Context, opts Options) (err error) {
	log, err := begin(opts.Sandbox.Folder())
	if err != nil {
		return fmt.Errorf("beginning the rehearsal: %w", err)
	}
	defer log.Close()
	r := &rehearsal{opts: opts, said: opts.Sandbox.Out, log: log, began: time.Now(), terms: terms{late: intolerable}}
	if r.pace, err = traffic.StartPace(); err != nil {
		return err
	}
	defer r.pace.Stop()
	r.opts.Sandbox.Out, r.opts.Sandbox.Run = log, true
	if r.sandbox, err = engine.Open(ctx, r.opts.Sandbox); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.sandbox.Close()) }()
	if r.traffic, err = r.sandbox.Traffic(account.Administrator); err != nil {
		return err
	}
	if err := r.rehearse(ctx); err != nil {
		return err
	}
	return r.write()
}

// late is the [witness] of this machine.
func (r *rehearsal) late(s traffic.Span) float64 { return r.pace.Late(s, r.terms.late) }

// memory is how far back ops and the health checks look: what was slow before is to
// blame for what they decide now.
func (r *rehearsal) memory() time.Duration { return r.sandbox.TimeScale().Seconds(360) }

// begin empties the folder of an earlier rehearsal that is over.
func begin(dir string) (log *os.File, err error) {
	path := filepath.Join(dir, LogFile)
	entries, err := os.ReadDir(dir)
	if _, missing := os.Stat(path); len(entries) > 0 && missing != nil {
		return nil, fmt.Errorf("%q is no rehearsal's folder: choose another one with --dir", dir)
	}
	if err == nil {
		lock := flock.New(filepath.Join(dir, "lock"))
		if free, err := lock.TryLock(); err != nil || !free {
			return nil, errors.Join(err, fmt.Errorf("the rehearsal in %q is not over: wait for it or stop it", dir))
		}
		if err := errors.Join(os.RemoveAll(dir), lock.Unlock()); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}

func (r *rehearsal) rehearse(ctx context.Context) error {
	err := r.setUp(ctx)
	if err == nil {
		err = r.calibrate(ctx)
	}
	step := r.going()
	if err != nil && !errors.Is(err, ErrTooSlow) && ctx.Err() == nil && witness(r.late).starved(step, 0) {
		err = fmt.Errorf("%w: %w; %s", ErrTooSlow, err, r.evidence(step))
	}
	if errors.Is(err, ErrTooSlow) {
		for _, s := range scenarios {
			r.rows = append(r.rows, r.unplayed(s, report.NotJudged, err))
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer r.load.Stop()
	beside, stop := context.WithCancel(ctx)
	defer stop()
	r.pending.Go(func() { r.sample(beside) })
	var stuck *row
	for _, s := range scenarios {
		if stuck != nil {
			r.rows = append(r.rows, r.unplayed(s, stuck.Outcome, fmt.Errorf("%s before it was not over", stuck.Name)))
			continue
		}
		if row, over := r.play(ctx, s); !over {
			stuck = row
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, row := range r.rows {
		if row.after != nil {
			r.settle(row, row.after(ctx))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stop()
	r.pending.Wait()
	r.load.Stop()
	return nil
}

// setUp brings the platform and both colours up, and gives blue the traffic.
func (r *rehearsal) setUp(ctx context.Context) error {
	if r.sandbox.Domain() == "" {
		return errors.New(`config "codeflow:platform.domain" of Pulumi.prod.yaml must be set: without a domain there are no weights to move`)
	}
	if _, err := r.run(ctx, "prod", engine.Up); err != nil {
		return err
	}
	var ups sync.WaitGroup
	failures := make([]error, 2)
	for i, color := range []string{"blue", "green"} {
		ups.Go(func() {
			failures[i] = r.sandbox.ChangeAgent(color, agent, edit("The first release of "+color+"."))
			if failures[i] == nil {
				_, failures[i] = r.run(ctx, color, engine.Up)
			}
		})
	}
	ups.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if err := r.sandbox.SetConfig("prod", map[string]int{"blue": 100}, "codeflow:traffic"); err != nil {
		return err
	}
	if _, err := r.run(ctx, "prod", engine.Up); err != nil {
		return err
	}
	return nil
}

// calibrating is for how long requests are counted to know what the machine bears.
const calibrating = 4 * time.Second

// calibrate measures what the machine bears and starts the load by it. It fails with
// [ErrTooSlow] when that is too little.
func (r *rehearsal) calibrate(ctx context.Context) error {
	r.begins(time.Now())
	status, err := r.sandbox.Account.Status()
	if err != nil {
		return err
	}
	roots, err := status.Roots()
	if err != nil {
		return err
	}
	opts := traffic.Options{
		Door: status.Door.HTTPS, Host: r.sandbox.Domain(), RootCAs: roots, Rate: r.opts.Rate,
		MaxInFlight: maxInFlight, Timeout: patience,
	}
	borne, in, err := traffic.Borne(ctx, opts, calibrating)
	if err != nil {
		return err
	}
	if r.terms, err = termsOf(r.opts.Rate, borne, r.pace.Quantile(in, 0.9)); err != nil {
		return err
	}
	r.say("load: the machine bears %.0f requests per second; %.0f are sent, MCP calls and API reads", borne, r.terms.rate)
	r.begins(time.Now())
	opts.Rate, opts.Timeout = r.terms.rate, r.terms.stretched(timeout)
	r.load, err = traffic.Start(ctx, opts)
	return err
}

// timeout of a client's request at the full rate.
const timeout = 10 * time.Second

// maxInFlight is more than a slow release needs at half of the traffic, and keeps the
// open files of a machine that is too slow below what systems allow.
const maxInFlight = 1000

// agent is the file that a release changes.
const agent = "codeflow-agents/development/code-reviewer.md"

func edit(line string) func([]byte) []byte {
	return func(text []byte) []byte { return append(text, "\n"+line+"\n"...) }
}

func (r *rehearsal) run(ctx context.Context, stack string, operation engine.Operation) (*engine.Result, error) {
	r.say("%s of %s", operation, stack)
	r.begins(time.Now())
	return r.sandbox.Run(ctx, stack, operation)
}

// release brings a colour up with an agent of its own, and returns its digest.
func (r *rehearsal) release(ctx context.Context, color, line string) (digest string, err error) {
	if err := r.sandbox.ChangeAgent(color, agent, edit(line)); err != nil {
		return "", err
	}
	if _, err := r.run(ctx, color, engine.Up); err != nil {
		return "", err
	}
	outputs, err := r.sandbox.Outputs(ctx, color)
	if err != nil {
		return "", err
	}
	digest, _ = outputs["digest"].(string)
	return digest, nil
}

// begins notes that something began, which what goes wrong with it is judged by.
func (r *rehearsal) begins(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = at
}

// going is the time that what began last has taken.
func (r *rehearsal) going() traffic.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return traffic.Span{From: r.step, To: time.Now()}
}

// say tells progress, and notes it for the report.
func (r *rehearsal) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	at := time.Since(r.began)
	fmt.Fprintf(r.said, "%6.1f s  %s\n", at.Seconds(), text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Events = append(r.report.Events, report.Event{At: at.Seconds(), Text: text})
}
