package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute // far more than it takes: machines that run tests are busy
	stopTimeout  = 10 * time.Second
	pollInterval = 5 * time.Millisecond
	// restoreTimeout lets hours of archive pass.
	restoreTimeout = 10 * time.Minute
)

// Start starts a server that was stopped or died, at its old address and with its
// old data, and returns when it takes connections. One that runs stays so.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		return nil
	}
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("starting PostgreSQL on %s with the files of %s: %w", s.Address(), s.opts.Dir, err)
	}
	return nil
}

func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.patience())
	defer cancel()
	if err := s.opts.makeArchive(); err != nil {
		return err
	}
	lock, err := s.opts.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Close() // the server has its own by then
	log, err := os.Create(s.opts.log())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, err := s.opts.command(context.WithoutCancel(ctx), lock, "postgres",
		append(s.opts.durability(), "-D", s.opts.data(), "-p", s.port, "-c", "listen_addresses="+s.host,
			"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "hot_standby=off")...)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	exited, err := s.opts.launch(cmd)
	if err != nil {
		return err
	}
	s.cmd, s.exited = cmd, exited
	var failure error
	for failure == nil && !s.ready() {
		select {
		case <-exited:
			failure = fmt.Errorf("it ended (%s): end what uses the address, or remove %s to begin with an empty server", cmd.ProcessState, s.opts.Dir)
		case <-ctx.Done():
			s.stop()
			failure = fmt.Errorf("it did not get ready: %w", ctx.Err())
		case <-time.After(pollInterval):
		}
	}
	if failure == nil {
		return nil
	}
	text, _ := os.ReadFile(s.opts.log())
	return fmt.Errorf("%w\n%s", failure, text)
}

// ready reports whether the server has noted that it takes connections, as
// pg_ctl does: without hot_standby, not while it restores itself. Asking at the address might ask another one.
// https://github.com/postgres/postgres/blob/REL_16_STABLE/src/include/utils/pidfile.h
func (s *Server) ready() bool {
	note, _ := os.ReadFile(filepath.Join(s.opts.data(), "postmaster.pid"))
	lines := strings.Split(string(note), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.cmd.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

func (s *Server) running() bool {
	if s.exited == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Stop ends the server and its connections, keeps its files, and returns when
// the process is gone. A server that was stopped stays so.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		s.stop()
	}
}

// Kill ends the server as a machine that dies does: what was not archived by then
// is not archived.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it may be gone.
		s.stop()
	}
}

// stop asks for a fast shutdown, then for an immediate one.
// https://www.postgresql.org/docs/16/server-shutdown.html
func (s *Server) stop() {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, os.Kill} {
		_ = s.cmd.Process.Signal(signal) // it may be gone
		select {
		case <-s.exited:
			return
		case <-time.After(stopTimeout):
		}
	}
	<-s.exited
}

// lock waits until no process of an earlier server is left: each inherits the
// lock, and has it until it ends.
func (o Options) lock(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*stopTimeout)
	defer cancel()
	path := filepath.Join(o.Dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w: another server has it: end that (fuser %[1]s), or use another directory", path, ctx.Err())
		}
	}
}

// command returns a command that runs one of PostgreSQL's programs, or any by its
// path, and never as root.
func (o Options) command(ctx context.Context, lock *os.File, program string, args ...string) (*exec.Cmd, error) {
	if !filepath.IsAbs(program) {
		programs, err := Programs(ctx, o.version())
		if err != nil {
			return nil, err
		}
		program = filepath.Join(programs, program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.ExtraFiles, cmd.SysProcAttr = o.Dir, []*os.File{lock}, endWithParent()
	if os.Getuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := owner()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return cmd, give(o.Dir, o.secret())
}

// version is the one of the server's files, if they are there.
func (o Options) version() string {
	noted, err := os.ReadFile(filepath.Join(o.data(), "PG_VERSION"))
	if err != nil {
		return o.Version
	}
	return strings.TrimSpace(string(noted))
}

// owner is the user that PostgreSQL runs as instead of root.
func owner() (uid, gid int, err error) {
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: add one, or run as another user")
	}
	if uid, err = strconv.Atoi(account.Uid); err == nil {
		gid, err = strconv.Atoi(account.Gid)
	}
	return uid, gid, err
}

// give makes files PostgreSQL's own.
func give(paths ...string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := owner()
	for _, path := range paths {
		err = errors.Join(err, os.Chown(path, uid, gid))
	}
	return err
}

// launch starts a command and tells when it has ended.
func (o Options) launch(cmd *exec.Cmd) (exited <-chan struct{}, err error) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // for good: the signal of endWithParent comes when this thread ends
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // its state says it
		}
		close(ended)
	}()
	if err = <-started; errors.Is(err, fs.ErrPermission) && os.Getuid() == 0 {
		err = fmt.Errorf("%w: the user that PostgreSQL runs as instead of root must be able to pass %s: use a directory elsewhere, such as "+
			"in /var/tmp, or chmod o+x", err, strings.Join(append(impassable(o.Dir), impassable(cmd.Path)...), " and "))
	}
	return ended, err
}

// impassable returns the directories above a path that others may not pass.
func impassable(path string) (found []string) {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode()&0o001 == 0 {
			found = append(found, dir)
		}
	}
	return found
}
