//go:build !linux

package task

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

type launcher struct{}

func newLauncher() (*launcher, error) {
	return nil, fmt.Errorf("%w: tasks run on Linux only, this is %s", errors.ErrUnsupported, runtime.GOOS)
}

func (*launcher) start(*exec.Cmd) error { return errors.ErrUnsupported }
func (*launcher) close()                {}

func confine(*exec.Cmd, *plan)  {}
func terminate(*exec.Cmd) error { return errors.ErrUnsupported }
func killGroup(*exec.Cmd)       {}

func exitOf(*os.ProcessState) Exit { return Exit{} }

func usageOf(int) Usage { return Usage{} }
