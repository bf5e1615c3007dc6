//go:build !linux

package task

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

type launcher struct{}

func newLauncher() (*launcher, error) {
	return nil, errors.New("tasks run on Linux only, this is " + runtime.GOOS + ": the account is simulated here, but nothing runs")
}

func (*launcher) start(*exec.Cmd) error { return errors.ErrUnsupported }
func (*launcher) close()                {}

func confine(*exec.Cmd, *plan)  {}
func terminate(*exec.Cmd) error { return errors.ErrUnsupported }
func killGroup(*exec.Cmd)       {}

func exitOf(*os.ProcessState) Exit { return Exit{} }
