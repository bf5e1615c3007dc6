package process

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
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

// CPU returns the processor time that a process has taken, in steps of 10 ms.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (p *Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third field on
	const utime, stime, tick = 14 - 3, 15 - 3, 10 * time.Millisecond
	var user, system time.Duration
	if _, err := fmt.Sscan(fields[utime]+" "+fields[stime], &user, &system); err != nil {
		return 0, fmt.Errorf("reading the processor time of process %d: %w", p.PID, err)
	}
	return (user + system) * tick, nil
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
