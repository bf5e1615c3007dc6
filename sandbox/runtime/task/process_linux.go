package task

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// launcher is the thread that starts every process. A process is killed when
// the thread that started it ends, so no other thread, which might end earlier,
// must do it.
type launcher struct {
	starts chan start
	closed chan struct{}
}

type start struct {
	cmd    *exec.Cmd
	result chan error
}

func newLauncher() (*launcher, error) {
	l := &launcher{starts: make(chan start), closed: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine.
		for {
			select {
			case s := <-l.starts:
				s.result <- s.cmd.Start()
			case <-l.closed:
				return
			}
		}
	}()
	return l, nil
}

func (l *launcher) start(cmd *exec.Cmd) error {
	s := start{cmd, make(chan error, 1)}
	select {
	case l.starts <- s:
		return <-s.result
	case <-l.closed:
		return net.ErrClosed
	}
}

func (l *launcher) close() { close(l.closed) }

// confine makes a command end with the sandbox, in a group of its own, and as
// the plan says.
func confine(cmd *exec.Cmd, p *plan) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.locked {
		cmd.SysProcAttr.Chroot = p.root
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: p.uid, Gid: p.gid}
	}
}

// terminate asks a process to end.
func terminate(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }

// killGroup kills what is left of a command's process group.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may be gone.

// exitOf says how a process ended, with the code that a shell would give.
func exitOf(state *os.ProcessState) Exit {
	code := state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return Exit{Code: code, Reason: state.String()}
}

// ticks are the parts of a second that the kernel counts processor time in.
const ticks = 100

// usageOf reads what a process uses, nothing when it has ended.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func usageOf(pid int) (u Usage) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u
	}
	fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:])) // what follows the program's name.
	var user, system, pages int64
	for at, into := range map[int]*int64{11: &user, 12: &system, 21: &pages} {
		if at < len(fields) {
			_, _ = fmt.Sscan(fields[at], into) // the kernel writes numbers.
		}
	}
	return Usage{CPU: time.Duration(user+system) * time.Second / ticks, Memory: pages * int64(os.Getpagesize())}
}
