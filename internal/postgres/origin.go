package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Origin is what a new server is restored from.
type Origin struct {
	// Backup is a file of [Server.Backup]. Required.
	Backup string
	// Archive is the folder that the WAL of the same server was archived in.
	// Default: the new server is as at the end of the backup.
	Archive string
	// Until is the time to restore to, after the end of the backup. Default: the
	// end of the archive.
	Until time.Time
}

func (o *Origin) complete() (*Origin, error) {
	if o.Backup == "" || o.Archive == "" && !o.Until.IsZero() {
		return nil, errors.New("restoring PostgreSQL: Backup is required, and Archive with Until")
	}
	backup, err := filepath.Abs(o.Backup)
	if err != nil || o.Archive == "" {
		return &Origin{Backup: backup}, err
	}
	archive, err := filepath.Abs(o.Archive)
	return &Origin{backup, archive, o.Until}, err
}

// extract makes the files of a server that restores itself when it starts, and
// takes connections when it has.
// https://www.postgresql.org/docs/16/continuous-archiving.html#BACKUP-PITR-RECOVERY
func (o Options) extract(ctx context.Context, lock *os.File, into string) error {
	if err := o.Origin.check(); err != nil {
		return err
	}
	backup, err := os.Open(o.Origin.Backup)
	if err != nil {
		return err
	}
	defer backup.Close()
	tar, err := exec.LookPath("tar")
	if err != nil {
		return err
	}
	cmd, err := o.command(ctx, lock, tar, "--extract", "--gzip", "--directory="+into)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(into, 0o700), give(into)); err != nil {
		return err
	}
	cmd.Stdin = backup
	if err := o.run(ctx, cmd); err != nil {
		return fmt.Errorf("extracting %s: %w", o.Origin.Backup, err)
	}
	signal := filepath.Join(into, recoverySignal)
	return errors.Join(
		os.WriteFile(filepath.Join(into, "postgresql.auto.conf"), []byte(o.Origin.settings()), 0o600),
		os.WriteFile(signal, nil, 0o600), give(signal))
}

// recoverySignal is there until the server is restored.
const recoverySignal = "recovery.signal"

// settings of the recovery. A file that is there and cannot be read ends it: an
// exit status above 125 is no end of the archive.
func (o *Origin) settings() string {
	from, target := shellPath(o.Archive)+"/%f.gz", ""
	if o.Archive == "" {
		from = os.DevNull + "/%f"
	}
	if !o.Until.IsZero() {
		target = "recovery_target_time = '" + o.Until.UTC().Format("2006-01-02 15:04:05.999999") + "+00'\n" +
			"recovery_target_action = 'promote'\n"
	}
	command := "test -f " + from + " || exit 1; gzip -dc " + from + " > %p || exit 126"
	return "restore_command = '" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(command) + "'\n" + target
}

var segment = regexp.MustCompile(`^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})\.gz$`)

// check refuses an archive with a gap: to PostgreSQL it is the archive's end, which
// is no failure unless it is to come to a later time.
func (o *Origin) check() error {
	if o.Archive == "" || !o.Until.IsZero() {
		return nil
	}
	entries, err := os.ReadDir(o.Archive)
	if err != nil {
		return err
	}
	last := map[string]uint64{}     // by timeline.
	for _, entry := range entries { // in the order of their names.
		parts := segment.FindStringSubmatch(entry.Name())
		if parts == nil {
			continue
		}
		high, _ := strconv.ParseUint(parts[2], 16, 32)
		low, _ := strconv.ParseUint(parts[3], 16, 32)
		number := high*(4096/segmentMB) + low
		if before, ok := last[parts[1]]; ok && number != before+1 {
			return fmt.Errorf("the archive %s lacks what comes before %s", o.Archive, entry.Name())
		}
		last[parts[1]] = number
	}
	return nil
}

// shellPath is a path in a command of PostgreSQL's settings.
func shellPath(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "%", "%%").Replace(path) + "'"
}

// patience is how long the server may take to start. One that restores itself
// reads an archive of any length.
func (o Options) patience() time.Duration {
	if _, err := os.Stat(filepath.Join(o.data(), recoverySignal)); err == nil {
		return restoreTimeout
	}
	return startTimeout
}
