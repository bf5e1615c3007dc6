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
	cmd, err := o.command(ctx, lock, "initdb", "--pgdata="+unfinished, "--username="+o.Superuser, "--pwfile="+o.secret(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	exited, err := o.launch(cmd)
	if err != nil {
		return err
	}
	if <-exited; !cmd.ProcessState.Success() {
		return fmt.Errorf("initdb: %w: %s", cmp.Or(ctx.Err(), errors.New(cmd.ProcessState.String())), out.Bytes())
	}
	// initdb's own file knows no other loopback address than 127.0.0.1.
	if err := os.WriteFile(filepath.Join(unfinished, "pg_hba.conf"), []byte("host all all all scram-sha-256\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, o.data())
}
