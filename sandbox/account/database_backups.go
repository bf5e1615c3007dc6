package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// uploads is how often RDS uploads a database's log, in AWS's seconds: a restore
// can reach no later.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
const uploads = 5 * 60

// A folder of backups has base backups, by the time that they ended, and the
// archived WAL.
const (
	base, wal = "base", "wal"
	ending    = ".tar.gz"
	stamp     = "20060102T150405.000000Z"
)

func (d *databases) dir(i *instance) string { return d.account.path("databases", i.resourceID) }

func (d *databases) backups(i *instance) string {
	return d.account.path("backups", i.region, i.resourceID)
}

// replica is the folder of a copy of automated backups.
func (d *databases) replica(r *cloud.Resource) string {
	_, name, _ := strings.Cut(r.ID, ":auto-backup:")
	return d.account.path("backups", r.Region, name)
}

func (d *databases) snapshot(region, name string) string {
	return d.account.path("backups", region, "snapshots", name+ending)
}

// adminPassword is that of RDS's own superuser, which is the same in every
// instance, since a restored one has that of its source.
func (d *databases) adminPassword() (string, error) {
	file := d.account.path("rdsadmin")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text())
		err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, 0o600))
	}
	return string(text), err
}

func (d *databases) hasBackup(i *instance) bool {
	found, _ := filepath.Glob(filepath.Join(d.backups(i), base, "*"+ending))
	return len(found) > 0
}

func (d *databases) backup(ctx context.Context, i *instance) error {
	// The time in its name must be that of its end, which is not known yet.
	partial := filepath.Join(d.backups(i), base, "new")
	if err := i.server.Backup(ctx, partial); err != nil {
		return err
	}
	return os.Rename(partial, filepath.Join(d.backups(i), base, time.Now().UTC().Format(stamp)+ending))
}

// Backup takes a base backup of an instance, as RDS does each day, and after its
// creation.
func (a *Account) Backup(ctx context.Context, identifier string) error {
	if a.Runtime == nil {
		return ErrNothingRuns
	}
	d := a.databases
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.instances {
		if i.id == identifier && i.server != nil {
			return d.backup(ctx, i)
		}
	}
	return fmt.Errorf("backing up %q: no such database runs here", identifier)
}

// DatabaseURL is that of an instance's master user, with its password.
func (a *Account) DatabaseURL(identifier string) (string, error) {
	if a.databases == nil {
		return "", ErrNothingRuns
	}
	a.databases.mu.Lock()
	defer a.databases.mu.Unlock()
	for _, i := range a.databases.instances {
		if i.id == identifier && i.err == nil {
			return i.url(i.password), nil
		}
	}
	return "", fmt.Errorf("no database %q runs here", identifier)
}

// Restorable is the latest time that an instance can be restored to, and that of its
// copy in another region.
func (a *Account) Restorable(identifier string) (latest, replicated time.Time) {
	if a.databases == nil {
		return latest, replicated
	}
	a.databases.mu.Lock()
	defer a.databases.mu.Unlock()
	for _, i := range a.databases.instances {
		if i.id == identifier {
			latest, replicated = i.restorable, i.replicated
		}
	}
	return latest, replicated
}

// keepBackups uploads the logs, and copies what was there before, until the
// account is closed.
func (d *databases) keepBackups() {
	ticker := time.NewTicker(d.account.opts.TimeScale.Seconds(uploads))
	defer ticker.Stop()
	for {
		select {
		case <-d.account.ctx.Done():
			return
		case <-ticker.C:
		}
		if err := d.upload(); err != nil && d.account.ctx.Err() == nil && d.account.once(err.Error()) {
			fmt.Fprintf(d.account.opts.Out, "keeping backups of the databases: %v\n", err)
		}
	}
}

func (d *databases) upload() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	failures := []error{d.replicate()}
	for _, i := range d.instances {
		if i.server == nil || i.err != nil || d.down || d.lost[i.region] {
			continue
		}
		ctx, cancel := context.WithTimeout(d.account.ctx, 10*time.Second)
		latest, err := i.server.Archived(ctx)
		cancel()
		if err == nil {
			i.restorable = latest
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// replicate copies to other regions what they do not have yet.
func (d *databases) replicate() error {
	var failures []error
	kept := map[string]bool{}
	for _, r := range d.account.each("rds/instanceAutomatedBackupsReplication") {
		kept[d.replica(r)] = true
		source := d.account.find("rds/instance", "arn", textOf(r, "sourceDbInstanceArn"))
		if source == nil || d.lost[source.Region] || d.lost[r.Region] || d.instances[source.ID] == nil {
			continue
		}
		i, replica := d.instances[source.ID], d.replica(r)
		err := errors.Join(
			copyNew(filepath.Join(d.backups(i), base), filepath.Join(replica, base)),
			copyNew(filepath.Join(d.backups(i), wal), filepath.Join(replica, wal)))
		if err == nil {
			i.replicated = i.restorable
		}
		failures = append(failures, err)
	}
	gone, _ := filepath.Glob(d.account.path("backups", "*", "ab-*"))
	for _, dir := range gone {
		if !kept[dir] {
			failures = append(failures, os.RemoveAll(dir))
		}
	}
	return errors.Join(failures...)
}

// copyNew copies the files of a folder that another one lacks, each in one step.
func copyNew(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries { // in the order of their names, which is that of their times.
		target := filepath.Join(to, entry.Name())
		if _, err := os.Stat(target); err == nil || filepath.Ext(entry.Name()) != ".gz" {
			continue
		}
		if err := copyFile(filepath.Join(from, entry.Name()), target); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	partial, err := os.Create(to + ".partial") // PostgreSQL's user reads it.
	if err != nil {
		return err
	}
	_, err = io.Copy(partial, source)
	if err := errors.Join(err, partial.Close()); err != nil {
		return err
	}
	return os.Rename(to+".partial", to)
}

// lose loses a region's databases, at once: nothing more is archived.
func (d *databases) lose(region string, on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !on || region == "" {
		return fmt.Errorf("fault %q: it needs a region and is for good", FaultRegionDown)
	}
	d.lost[region] = true
	for _, i := range d.instances {
		if i.region == region && i.server != nil {
			i.server.Kill()
			i.err = fmt.Errorf("region %s is lost", region)
		}
	}
	return nil
}

// takeSnapshots takes manual snapshots that are new.
func (d *databases) takeSnapshots(ctx context.Context) error {
	var failures []error
	for _, r := range d.account.each("rds/snapshot") {
		file := d.snapshot(r.Region, textOf(r, "dbSnapshotIdentifier"))
		if _, err := os.Stat(file); err == nil {
			continue
		}
		for _, i := range d.instances {
			if i.id == textOf(r, "dbInstanceIdentifier") && i.region == r.Region && i.server != nil && !d.down && !d.lost[i.region] {
				failures = append(failures, i.server.Backup(ctx, file))
			}
		}
	}
	return errors.Join(failures...)
}

func finalSnapshot(r *cloud.Resource) string {
	if skip, _ := r.Outputs["skipFinalSnapshot"].(bool); skip {
		return ""
	}
	return textOf(r, "finalSnapshotIdentifier")
}

// retainsBackups is false by default, as the provider has it.
func retainsBackups(r *cloud.Resource) bool {
	remove, set := r.Outputs["deleteAutomatedBackups"].(bool)
	return set && !remove
}

// point is restoreToPointInTime of an instance.
type point struct {
	RestoreTime, SourceDBInstanceIdentifier, SourceDBInstanceAutomatedBackupsARN, SourceDBIResourceID string
	UseLatestRestorableTime                                                                           bool
}

// origin is what a new instance is restored from: nil when it begins empty, or has
// its files.
func (d *databases) origin(i *instance, snapshot string, p *point) (*postgres.Origin, error) {
	if snapshot == "" && p == nil {
		return nil, nil //nolint:nilnil // it begins empty.
	}
	if _, err := os.Stat(filepath.Join(d.dir(i), "data")); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if snapshot != "" {
		if _, name, ok := strings.Cut(snapshot, ":snapshot:"); ok {
			snapshot = name
		}
		return &postgres.Origin{Backup: d.snapshot(i.region, snapshot)}, nil
	}
	var until time.Time
	if !p.UseLatestRestorableTime {
		var err error
		if until, err = time.Parse(time.RFC3339, p.RestoreTime); err != nil {
			return nil, fmt.Errorf("restoring %q: %w", i.id, err)
		}
	}
	from, latest, err := d.source(i, p)
	if err != nil {
		return nil, fmt.Errorf("restoring %q: %w", i.id, err)
	}
	if !latest.IsZero() && until.After(latest) {
		return nil, fmt.Errorf("restoring %q: InvalidParameterValue: the latest restorable time is %s, got %s", i.id,
			latest.UTC().Format(time.RFC3339Nano), p.RestoreTime)
	}
	backup, err := newest(filepath.Join(from, base), until)
	if err != nil {
		return nil, fmt.Errorf("restoring %q: %w", i.id, err)
	}
	return &postgres.Origin{Backup: backup, Archive: filepath.Join(from, wal), Until: until}, nil
}

// source is the folder of backups that an instance is restored from, and the latest
// time that it has, if that is known.
func (d *databases) source(i *instance, p *point) (dir string, latest time.Time, err error) {
	if arn := p.SourceDBInstanceAutomatedBackupsARN; arn != "" {
		replica := d.account.find("rds/instanceAutomatedBackupsReplication", "id", arn)
		if replica == nil {
			return "", latest, fmt.Errorf("there is no automated backup %s", arn)
		}
		return d.replica(replica), latest, nil
	}
	for _, source := range d.instances {
		if source.region != i.region || source.id != p.SourceDBInstanceIdentifier && source.resourceID != p.SourceDBIResourceID {
			continue
		}
		return d.backups(source), source.restorable, nil
	}
	return "", latest, fmt.Errorf("there is no database %q%s", p.SourceDBInstanceIdentifier, p.SourceDBIResourceID)
}

// newest is the last base backup that ended before a time, or of all.
func newest(dir string, until time.Time) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range slices.Backward(entries) {
		ended, err := time.Parse(stamp+ending, entry.Name())
		if err == nil && (until.IsZero() || !ended.After(until)) {
			return filepath.Join(dir, entry.Name()), nil
		}
	}
	return "", fmt.Errorf("there is no backup from before %s in %s", until.UTC().Format(time.RFC3339Nano), dir)
}
