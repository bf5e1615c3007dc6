package account

import (
	"errors"
	"slices"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

// Status is all that runs, at one moment.
type Status struct {
	runtime.Status

	// Databases by instance, such as "postgres://…" or why it does not run.
	Databases map[string]string `json:"databases"`
	// Alarms that ring.
	Alarms []string `json:"alarms"`
	// AllAlarms are all, with their states, and Told who was told of them, the oldest
	// first.
	AllAlarms []alarm.Status       `json:"allAlarms"`
	Told      []alarm.Notification `json:"told"`
	// Authority is the file of the certificate that signs all others, PEM.
	Authority string `json:"authority"`
}

// ErrNothingRuns is the answer where no service does.
var ErrNothingRuns = errors.New("nothing runs: start the services with go run -C sandbox . run, on Linux")

// Status returns what runs now. It fails where nothing does.
func (a *Account) Status() (Status, error) {
	if a.Runtime == nil {
		return Status{}, ErrNothingRuns
	}
	status := Status{
		Status: a.Runtime.Status(), Databases: a.databases.status(), Alarms: a.ringing(""), Authority: a.certificates.file,
	}
	status.AllAlarms, status.Told = a.watch.Status()
	status.Faults = append(status.Faults, a.databases.faults()...)
	for _, fault := range a.metricFaults.List() {
		status.Faults = append(status.Faults, FaultMetric+"="+fault)
	}
	status.Faults = append(status.Faults, a.api.Faults()...)
	if a.opts.Images.Down() {
		status.Faults = append(status.Faults, FaultRegistryDown)
	}
	return status, nil
}

// Logs returns what the tasks of a service have logged since a time.
func (a *Account) Logs(service string, since time.Time) ([]logs.Event, error) {
	if a.Runtime == nil {
		return nil, ErrNothingRuns
	}
	return a.Runtime.Logs(service, since)
}

// Drift is [cloud.Cloud.Drift].
func (a *Account) Drift(typ, name, property, value string) error {
	return a.Cloud.Drift(typ, name, property, value)
}

// Sweep removes what a stack's program made but its state does not know, as a
// killed engine leaves it, and names it. The known are URN and id.
func (a *Account) Sweep(stack string, known [][2]string) (removed []string, err error) {
	orphans := a.Cloud.Orphans(func(urn, id string) bool {
		return cloud.StackOf(urn) != stack || slices.Contains(known, [2]string{urn, id})
	})
	for _, r := range orphans {
		removed = append(removed, r.Type+" "+r.ID)
	}
	return removed, a.Cloud.Forget(orphans...)
}
