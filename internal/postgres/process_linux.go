package postgres

import "syscall"

// endWithParent makes the kernel ask for a fast shutdown when this process ends,
// even if it is killed. A Ctrl-C is for this process only.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT, Setpgid: true}
}
