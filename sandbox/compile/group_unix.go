//go:build unix

package compile

import (
	"os/exec"
	"syscall"
)

// endTogether makes the end of the command's context an interrupt for it and all that
// it started, so that no compiler runs on.
func endTogether(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGINT) }
}
