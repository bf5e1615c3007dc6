package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
)

// scenario is one that must be survived. Only requests that a bad release has
// answered itself may fail.
type scenario struct {
	name, what string
	play       func(*rehearsal, context.Context, *row) error
}

// scenarios in their order. One colour has all the traffic when each begins: blue at
// first.
var scenarios = []scenario{
	{"database down", "PostgreSQL is gone for some seconds: requests are answered, uses wait", (*rehearsal).databaseDown},
	{"canary and switch", "ops switch moves the traffic to the other colour at 10, 50 and 100 percent", (*rehearsal).canary},
	{"crash at start", "a release for the colour with the traffic crashes at its start: ECS's circuit breaker undoes it", (*rehearsal).crash},
	{"errors", "a release for the other colour answers 5 % with 500: ops switch brings the traffic back", (*rehearsal).erring},
	{"slow", "a release for the other colour answers after 2.5 s: ops switch brings the traffic back", (*rehearsal).slow},
	{"zone down", "an availability zone is gone with its tasks: ECS places them in the others", (*rehearsal).zoneDown},
	{"rollback", "ops rollback brings the release before back, under the load", (*rehearsal).rollback},
}

// Waits of the controller at the full rate, in real time: minutes at AWS's.
const bake, guard = 5 * time.Second, 3 * time.Second

// switchTo runs ops switch and returns its exit code and what its journal says.
func (r *rehearsal) switchTo(ctx context.Context, color string, row *row) (code int, journal []ops.Entry, err error) {
	began := time.Now()
	code, errors := r.ops(ctx, "switch", "--to", color, "--steps", "10,50,100", "--bake", r.terms.stretched(bake).String(),
		"--guard", r.terms.stretched(guard).String(), "--yes")
	entries, _, err := ops.ReadJournal(r.sandbox.Ops("prod", r.log).Dir)
	for _, e := range entries {
		if e.Time.Before(began.Add(-time.Second)) {
			continue
		}
		journal = append(journal, e)
		if e.Event == ops.Blamed {
			row.note("%s", e)
		}
	}
	if errors != "" && code != cli.ExitSwitchedBack {
		row.note("%s", errors)
	}
	return code, journal, err
}

// ops runs a command of the traffic controller, whose decisions are progress, and
// returns its exit code and its errors.
func (r *rehearsal) ops(ctx context.Context, args ...string) (code int, errors string) {
	r.begins(time.Now())
	var problems bytes.Buffer
	terminal := cli.Terminal{Out: lines{r}, Err: io.MultiWriter(r.log, &problems)}
	code = cli.Run(ctx, args, terminal, func(_ context.Context, _ cli.Flags, _ io.Writer) (*cli.Target, error) {
		return r.sandbox.Ops("prod", r.log), nil
	})
	return code, strings.TrimSpace(problems.String())
}

// lines is the progress of what writes whole lines.
type lines struct{ r *rehearsal }

func (l lines) Write(text []byte) (int, error) {
	l.r.say("ops: %s", bytes.TrimSpace(text))
	return len(text), nil
}

// blamedAt is when ops found that the new colour was bad.
func blamedAt(journal []ops.Entry) (time.Time, bool) {
	for _, e := range journal {
		if e.Event == ops.Blamed {
			return e.Time, true
		}
	}
	return time.Time{}, false
}

func expect(what string, want, got int) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s must exit with %d, got %d", what, want, got)
}

func (r *rehearsal) canary(ctx context.Context, row *row) error {
	began := time.Now()
	code, journal, err := r.switchTo(ctx, r.idle, row)
	if err != nil {
		return err
	}
	err = expect("ops switch", cli.ExitOK, code)
	if err == nil {
		row.switched(r.live, r.idle, time.Since(began), journal)
	}
	if blamed, ok := blamedAt(journal); ok && err != nil {
		return missedAt{err, blamed}
	}
	return err
}

func (r *rehearsal) crash(ctx context.Context, row *row) error {
	fault := runtime.FaultDeployFails + ":" + r.live
	if err := r.sandbox.Account.SetFault(fault, true); err != nil {
		return err
	}
	defer func() { _ = r.sandbox.Account.SetFault(fault, false) }() // it was set.
	began := time.Now()
	_, err := r.release(ctx, r.live, "A release that crashes.")
	if err == nil || !strings.Contains(err.Error(), "rolled the deployment") {
		return fmt.Errorf("the update must say that ECS rolled the deployment back, got %w", err)
	}
	row.note("%s", rolledBack(err))
	if err := r.sandbox.Account.SetFault(fault, false); err != nil {
		return err
	}
	status, err := r.service()
	if err != nil {
		return err
	}
	start := time.Now()
	for _, task := range status.StoppedTasks {
		if task.CreatedAt.After(began) && task.CreatedAt.Before(start) {
			start = task.CreatedAt
		}
	}
	for _, e := range status.Events { // the newest first.
		switch {
		case e.CreatedAt.Before(start):
		case strings.Contains(e.Message, "deployment failed"):
			row.detected(e.CreatedAt.Sub(start))
		case strings.Contains(e.Message, "steady state"):
			row.safe(e.CreatedAt.Sub(start))
		}
	}
	row.end = time.Now() // what follows is the operator's: the next release.
	if err := r.sandbox.ChangeAgent(r.live, agent, edit("The release that follows.")); err != nil {
		return err
	}
	_, err = r.run(ctx, r.live, engine.UpRefresh)
	return err
}

// rolledBack is the sentence of an error that says so.
func rolledBack(err error) string {
	_, sentence, _ := strings.Cut(err.Error(), "ECS rolled")
	sentence, _, _ = strings.Cut(sentence, ". ")
	return "ECS rolled" + sentence
}

func (r *rehearsal) erring(ctx context.Context, row *row) error {
	return r.badRelease(ctx, row, "error-rate=5", "A release that errs.")
}

func (r *rehearsal) slow(ctx context.Context, row *row) error {
	return r.badRelease(ctx, row, "slow=2500ms", "A release that is slow.")
}

// badRelease switches to a release of the idle colour with a fault. The traffic must
// come back by itself.
func (r *rehearsal) badRelease(ctx context.Context, row *row, fault, line string) error {
	digest, err := r.release(ctx, r.idle, line)
	if err != nil {
		return err
	}
	fault += ":" + digest
	if err := r.sandbox.Account.SetFault(fault, true); err != nil {
		return err
	}
	defer func() { _ = r.sandbox.Account.SetFault(fault, false) }() // it was set.
	began := time.Now()
	code, journal, err := r.switchTo(ctx, r.idle, row)
	if err != nil {
		return err
	}
	from, until := r.exposed(r.idle, began)
	if blamed, ok := blamedAt(journal); ok {
		row.detected(blamed.Sub(from))
	}
	if !until.IsZero() {
		row.safe(until.Sub(from) + r.sandbox.TimeScale().Seconds(ttl)) // resolvers must know, too.
	}
	requests, err := r.sandbox.Account.Requests(ctx, r.idle, time.Since(began))
	row.AllowedFailures = requests.Errors
	return errors.Join(err, expect("ops switch", cli.ExitSwitchedBack, code))
}

// outage is how long the database is gone.
const outage = 4 * time.Second

func (r *rehearsal) databaseDown(ctx context.Context, row *row) error {
	began := time.Now()
	if err := r.sandbox.Account.SetFault(account.FaultDatabaseDown, true); err != nil {
		row.skip(err.Error())
		return nil
	}
	err := r.await(ctx, func() (bool, error) { health, err := r.health(ctx); return health == "degraded", err })
	row.detected(time.Since(began))
	wait(ctx, outage-time.Since(began))
	back := r.sandbox.Account.SetFault(account.FaultDatabaseDown, false)
	row.safe(0)
	row.note("every request was answered meanwhile; /health said degraded")
	row.after = func(ctx context.Context) error {
		return r.await(ctx, func() (bool, error) { health, err := r.health(ctx); return health == "healthy", err })
	}
	return errors.Join(err, back)
}

func (r *rehearsal) zoneDown(ctx context.Context, row *row) error {
	before, err := r.service()
	if err != nil {
		return err
	}
	began := time.Now()
	fault := runtime.FaultZoneDown + ":" + before.Tasks[0].AvailabilityZone
	if err := r.sandbox.Account.SetFault(fault, true); err != nil {
		return err
	}
	err = r.await(ctx, func() (bool, error) {
		status, err := r.service()
		return err == nil && status.RunningCount < status.DesiredCount, err
	})
	row.detected(time.Since(began))
	if err == nil {
		err = r.await(ctx, func() (bool, error) {
			status, err := r.service()
			return err == nil && status.Steady, err
		})
	}
	row.safe(time.Since(began))
	wait(ctx, 2*time.Second)
	return errors.Join(err, r.sandbox.Account.SetFault(fault, false))
}

func (r *rehearsal) rollback(ctx context.Context, row *row) error {
	outputs, err := r.sandbox.Outputs(ctx, r.live)
	if err != nil {
		return err
	}
	if before, _ := outputs["previousTaskDefinition"].(string); before == "" { // the crash came to nothing.
		if _, err := r.release(ctx, r.live, "A release to go back from."); err != nil {
			return err
		}
	}
	began := time.Now()
	code, problems := r.ops(ctx, "rollback", "--color", r.live, "--yes")
	if problems != "" {
		row.note("%s", problems)
	}
	row.safe(time.Since(began))
	wait(ctx, 2*time.Second)
	return expect("ops rollback", cli.ExitOK, code)
}

// service is the live colour's, as it runs.
func (r *rehearsal) service() (scheduler.ServiceStatus, error) {
	status, err := r.sandbox.Account.Status()
	for _, service := range status.Services {
		if service.Color == r.live && len(service.Tasks) > 0 {
			return service, nil
		}
	}
	return scheduler.ServiceStatus{}, errors.Join(err, fmt.Errorf("no service of %s runs", r.live))
}

// ready waits until one colour has all the traffic and both are well, whatever an
// earlier scenario left, and ends a switch that was not finished.
func (r *rehearsal) ready(ctx context.Context) error {
	weights, err := r.sandbox.Account.Weights(ctx)
	if err != nil {
		return err
	}
	if weights["blue"] > 0 && weights["green"] > 0 {
		if code, problems := r.ops(ctx, "switch", "--abort", "--yes"); code != cli.ExitOK {
			return fmt.Errorf("ending the switch before: %s", problems)
		}
		if weights, err = r.sandbox.Account.Weights(ctx); err != nil {
			return err
		}
	}
	r.live, r.idle = "blue", "green"
	if weights["green"] > 0 {
		r.live, r.idle = "green", "blue"
	}
	return r.await(ctx, func() (bool, error) {
		for _, color := range []string{"blue", "green"} {
			state, err := r.sandbox.Account.Color(ctx, color)
			if err != nil || state.Deploying || len(state.Alarms) > 0 || state.Targets.Healthy < state.Desired {
				return false, errors.Join(err, fmt.Errorf("%s is not well: %d of %d targets healthy, alarms %q, deploying: %t",
					color, state.Targets.Healthy, state.Desired, state.Alarms, state.Deploying))
			}
		}
		return true, nil
	})
}

// patience is how long a thing may take that must come, at the full rate.
const patience = 90 * time.Second

// await asks until it is so.
func (r *rehearsal) await(ctx context.Context, so func() (bool, error)) error {
	r.begins(time.Now())
	for end := time.Now().Add(r.terms.stretched(patience)); ; wait(ctx, 20*time.Millisecond) {
		is, err := so()
		if is || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("it did not happen within %s", r.terms.stretched(patience)), err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
