package runtime

import (
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/collector"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
)

// Status is all that runs, at one moment.
type Status struct {
	TimeScale     float64                   `json:"timeScale"`
	Door          DoorStatus                `json:"door"`
	Services      []scheduler.ServiceStatus `json:"services"`
	LoadBalancers []balancer.Status         `json:"loadBalancers"`
	TargetGroups  []balancer.GroupStatus    `json:"targetGroups"`
	// Records with their weights.
	Records []dns.Record `json:"records"`
	// Faults that are on, as kind:scope.
	Faults []string `json:"faults"`
	// Traces are what the tasks' collectors have received.
	Traces collector.Received `json:"traces"`
}

// DoorStatus is where clients come in.
type DoorStatus struct {
	HTTP  string `json:"http"`
	HTTPS string `json:"https"`
}

// Services are the services as they run now.
func (r *Runtime) Services() []scheduler.ServiceStatus { return r.scheduler.Status() }

// Status returns what runs now.
func (r *Runtime) Status() Status {
	balancers, groups := r.Balancers.Status()
	return Status{
		TimeScale: float64(r.opts.TimeScale), Door: DoorStatus{r.Door.HTTP, r.Door.HTTPS}, Services: r.scheduler.Status(),
		LoadBalancers: balancers, TargetGroups: groups, Records: r.Zone.Records(), Faults: r.faults.list(),
		Traces: r.host.Collected.Received(),
	}
}
