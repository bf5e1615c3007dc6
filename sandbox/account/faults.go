package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
)

// The faults besides those of packages runtime and awsapi. Only the last two have a scope.
const (
	// FaultDatabaseDown stops the databases, and keeps their data.
	FaultDatabaseDown = "db-down"
	// FaultRegistryDown makes the image registry answer 503.
	FaultRegistryDown = "registry-down"
	// FaultRegionDown loses the tasks of a region, its scope, and its databases for
	// good, with their backups there.
	FaultRegionDown = "region-down"
	// FaultMetric gives a metric a value, in all of the past too, see [alarm.Faults]:
	// "metric=AWS/RDS/CPUUtilization=95". Its scope is a dimension's value.
	FaultMetric = "metric"
)

// FaultKinds are all that [Account.SetFault] knows.
var FaultKinds = slices.Concat(runtime.FaultKinds, []string{FaultDatabaseDown, FaultRegistryDown, FaultRegionDown, FaultMetric}, awsapi.FaultKinds)

// Kept reports whether a fault also holds for the next start of the account, and
// where nothing runs.
func Kept(fault string) bool {
	kind, _, _ := strings.Cut(fault, ":")
	return kind == cloud.FaultDeployFails || kind == cloud.FaultThrottle
}

// SetFault switches a fault on or off: KIND, KIND=VALUE, and each with :SCOPE behind
// it.
func (a *Account) SetFault(fault string, on bool) error {
	kind, scope, _ := strings.Cut(fault, ":")
	name, value, _ := strings.Cut(kind, "=")
	switch {
	case !slices.Contains(FaultKinds, name):
		return fmt.Errorf("unknown fault %q: there are %s", name, strings.Join(FaultKinds, ", "))
	case slices.Contains(awsapi.FaultKinds, name):
		return a.api.SetFault(name, value, scope, on)
	case Kept(fault):
		if err := a.Cloud.SetFault(fault, on); err != nil || a.Runtime == nil {
			return err
		}
	case a.Runtime == nil:
		return fmt.Errorf("fault %q: %w", name, ErrNothingRuns)
	case name == FaultDatabaseDown:
		return a.databases.setDown(on)
	case name == FaultRegionDown:
		return a.loseRegion(scope, on)
	case name == FaultMetric:
		return a.metricFaults.Set(strings.TrimPrefix(kind, FaultMetric+"="), scope, on)
	case name == FaultRegistryDown:
		a.opts.Images.SetDown(on)
		return nil
	}
	return a.Runtime.SetFault(kind, scope, on)
}

// loseRegion loses a region's databases and zones. Its state, and what Route 53 and
// the registry have of it, stay.
func (a *Account) loseRegion(region string, on bool) error {
	if err := a.databases.lose(region, on); err != nil {
		return err
	}
	var failures []error
	for _, zone := range []string{"a", "b", "c"} {
		failures = append(failures, a.Runtime.SetFault(runtime.FaultZoneDown, region+zone, true))
	}
	return errors.Join(failures...)
}

// keptFaults switches on what was left on when the account was closed. What ran
// then is to start without it.
func (a *Account) keptFaults() (err error) {
	for _, kind := range []string{cloud.FaultDeployFails, cloud.FaultThrottle} {
		for _, scope := range a.Cloud.Faults(kind) {
			err = errors.Join(err, a.Runtime.SetFault(kind, scope, true))
		}
	}
	return err
}
