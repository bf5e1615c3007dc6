package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// Platform is what a drill is held on.
type Platform interface {
	// Connect connects to the database that is in use, as its owner.
	Connect(ctx context.Context) (*pgx.Conn, error)
	// Use makes the server write rows, and returns when they are there.
	Use(ctx context.Context) error
	// Backup takes a base backup.
	Backup(ctx context.Context) error
	// Restorable is the latest time that the database can be restored to, and that of
	// its copy in the other region.
	Restorable() (latest, replicated time.Time)
	// LoseRegion loses the database with its own backups.
	LoseRegion() error
	// Restore restores the database and leads Connect to it: to a time, or from the
	// other region's copy to its end when the time is zero.
	Restore(ctx context.Context, until time.Time) error
	// Serve returns when a request is served from the restored database.
	Serve(ctx context.Context) error
}

// Options of a drill. Platform is required.
type Options struct {
	Platform Platform
	// Region loses the region instead of rows.
	Region bool
	// TimeScale is how many of AWS's seconds pass in one. Default 1.
	TimeScale float64
	// StorageGB is what the database has on AWS. Default 50.
	StorageGB int
	// Write is how long rows are written before and after the backup. Default 1 s.
	Write time.Duration
	// Out is told what is going on. Default: nobody.
	Out io.Writer
}

// patience is how long the upload of the log may take, in real time.
const patience = 3 * time.Minute

// Run holds a drill. It fails when what is restored is not what was written; the
// report has the steps up to then.
func Run(ctx context.Context, opts Options) (*Report, error) {
	if opts.Out == nil {
		opts.Out = io.Discard
	}
	if opts.TimeScale == 0 {
		opts.TimeScale = 1
	}
	if opts.StorageGB == 0 {
		opts.StorageGB = 50
	}
	if opts.Write == 0 {
		opts.Write = time.Second
	}
	d := &drill{Options: opts, report: newReport(opts)}
	err := d.run(ctx)
	d.report.Passed = err == nil
	if err != nil {
		d.report.Failure = err.Error()
		err = fmt.Errorf("%s: %w", d.report.Scenario, err)
	}
	return d.report, err
}

type drill struct {
	Options
	report *Report
	ledger ledger
	// usage is what the server has written, as a checksum.
	usage string
}

func (d *drill) readUsage(ctx context.Context) (string, error) {
	conn, err := d.Platform.Connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	return usage(ctx, conn)
}

// step measures what is done.
func (d *drill) step(name string, do func() error) error {
	fmt.Fprintf(d.Out, "%s: %s\n", d.report.Scenario, name)
	began := time.Now()
	err := do()
	d.report.Steps = append(d.report.Steps, Step{name, time.Since(began).Seconds()})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (d *drill) run(ctx context.Context) error {
	write := func() error { return d.write(ctx) }
	for _, s := range []struct {
		name string
		do   func() error
	}{
		{"write rows", write},
		{"back up", func() error { return d.Platform.Backup(ctx) }},
		{"write more rows", write},
		{"use the server", func() error { return d.Platform.Use(ctx) }},
	} {
		if err := d.step(s.name, s.do); err != nil {
			return err
		}
	}
	if d.Region {
		return d.loseRegion(ctx)
	}
	return d.loseRows(ctx)
}

func (d *drill) write(ctx context.Context) error {
	conn, err := d.Platform.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return d.ledger.write(ctx, conn, d.Write)
}

func (d *drill) loseRows(ctx context.Context) error {
	d.report.Written = len(d.ledger.rows)
	expected := d.ledger.all()
	if err := d.step("read what the server has written", func() (err error) {
		d.usage, err = d.readUsage(ctx)
		return err
	}); err != nil {
		return err
	}
	good := time.Now()
	var lost time.Time
	if err := d.step("write rows that will be lost, and delete too much", func() error {
		conn, err := d.Platform.Connect(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		after := d.ledger
		if err := after.write(ctx, conn, d.Write/4); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "DELETE FROM "+table+" WHERE n % 2 = 0")
		lost = time.Now()
		return err
	}); err != nil {
		return err
	}
	if err := d.wait(ctx, "until the log is uploaded", func() bool { latest, _ := d.Platform.Restorable(); return latest.After(good) }); err != nil {
		return err
	}
	return d.recover(ctx, lost, good, func(got sum) error {
		if got != expected {
			return fmt.Errorf("restored %s, but %s were written", got, expected)
		}
		restored, err := d.readUsage(ctx)
		if err == nil && restored != d.usage {
			err = fmt.Errorf("restored the server's %s, but %s were written", restored, d.usage)
		}
		d.report.Usage = restored
		return err
	})
}

func (d *drill) wait(ctx context.Context, until string, done func() bool) error {
	return d.step("wait "+until, func() error {
		for end := time.Now().Add(patience); !done(); {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(end) {
				return fmt.Errorf("it was not within %s", patience)
			}
		}
		return nil
	})
}

func (d *drill) loseRegion(ctx context.Context) error {
	d.report.Written = len(d.ledger.rows)
	// Without any row of it, what is restored would be of before the drill.
	begun := d.ledger.rows[0].at
	if err := d.wait(ctx, "until the other region has some of it", func() bool {
		_, replicated := d.Platform.Restorable()
		return replicated.After(begun)
	}); err != nil {
		return err
	}
	lost := time.Now()
	if err := d.step("lose the region", d.Platform.LoseRegion); err != nil {
		return err
	}
	return d.recover(ctx, lost, time.Time{}, func(got sum) error {
		if expected := d.ledger.until(got.Last); got != expected || got.Rows == 0 {
			return fmt.Errorf("restored %s, but the first %s were written", got, expected)
		}
		return nil
	})
}

func (d *drill) recover(ctx context.Context, lost, until time.Time, compare func(sum) error) error {
	if err := d.step("restore", func() error { return d.Platform.Restore(ctx, until) }); err != nil {
		return err
	}
	var got sum
	if err := d.step("compare counts and checksums", func() (err error) {
		conn, err := d.Platform.Connect(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		if got, err = read(ctx, conn); err != nil {
			return err
		}
		return compare(got)
	}); err != nil {
		return err
	}
	if err := d.step("serve from it", func() error { return d.Platform.Serve(ctx) }); err != nil {
		return err
	}
	d.report.Restored, d.report.Checksum = got.Rows, got.Checksum
	d.report.RPO.Measured = lost.Sub(d.ledger.rows[got.Last-1].at).Seconds()
	d.report.RTO.Measured = time.Since(lost).Seconds()
	return errors.Join(d.report.RPO.check("RPO"), d.report.RTO.check("RTO"))
}
