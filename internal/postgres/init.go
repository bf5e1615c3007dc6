package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

func (o Options) data() string   { return filepath.Join(o.Dir, "data") }
func (o Options) secret() string { return filepath.Join(o.Dir, "password") }
func (o Options) log() string    { return filepath.Join(o.Dir, "log") }

// Init makes the files of a server that has one user and takes passwords only.
// It does nothing when they are there; what an Init that was interrupted left is
// made anew.
func Init(ctx context.Context, opts Options) error {
	o, err := opts.complete()
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.data()); !errors.Is(err, fs.ErrNotExist) {
		return err // nil when they are there: they get this name when they are complete
	}
	if err := o.init(ctx); err != nil {
		return fmt.Errorf("making the files of PostgreSQL in %s: %w", o.Dir, err)
	}
	return nil
}

func (o Options) init(ctx context.Context) error {
	// PostgreSQL's user must be able to pass the directories above.
	if err := errors.Join(os.MkdirAll(filepath.Dir(o.Dir), 0o755), os.MkdirAll(o.Dir, 0o700)); err != nil {
		return err
	}
	lock, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	unfinished := o.data() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.WriteFile(o.secret(), []byte(cmp.Or(o.Password, rand.Text())), 0o600); err != nil {
		return err
	}
	make := o.initdb
	if o.Origin != nil {
		make = o.extract
	}
	if err := make(ctx, lock, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, o.data())
}

// segmentMB is the size of a WAL segment, in MB: small, since all that is archived
// is whole segments.
const segmentMB = 1

func (o Options) initdb(ctx context.Context, lock *os.File, into string) error {
	cmd, err := o.command(ctx, lock, "initdb", "--pgdata="+into, "--username="+o.Superuser, "--pwfile="+o.secret(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", fmt.Sprintf("--wal-segsize=%d", segmentMB))
	if err != nil {
		return err
	}
	if err := o.run(ctx, cmd); err != nil {
		return err
	}
	// initdb's own file knows no other loopback address than 127.0.0.1.
	return os.WriteFile(filepath.Join(into, "pg_hba.conf"),
		[]byte("host all,replication all all scram-sha-256\n"), 0o600)
}

// run runs a command to its end. Its error has what the command said.
func (o Options) run(ctx context.Context, cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	exited, err := o.launch(cmd)
	if err != nil {
		return err
	}
	if <-exited; !cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), cmp.Or(ctx.Err(), errors.New(cmd.ProcessState.String())), said.Bytes())
	}
	return nil
}
