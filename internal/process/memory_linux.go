package process

import (
	"fmt"
	"os"
	"strings"
)

// Memory returns how many bytes of a process are in memory, and how many of
// those are its own: no part of a file that the system could drop.
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (p *Process) Memory() (resident, own int64, err error) {
	err = p.status(map[string]*int64{"VmRSS:": &resident, "RssAnon:": &own})
	return resident, own, err
}

// Peak returns the most bytes that were in memory at once.
func (p *Process) Peak() (resident int64, err error) {
	err = p.status(map[string]*int64{"VmHWM:": &resident})
	return resident, err
}

func (p *Process) status(fields map[string]*int64) error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return err
	}
	for field, bytes := range fields {
		_, value, _ := strings.Cut(string(status), field)
		if _, err := fmt.Sscan(value, bytes); err != nil {
			return fmt.Errorf("reading %s of process %d: %w", field, p.PID, err)
		}
		*bytes <<= 10 // the values are in kB
	}
	return nil
}
