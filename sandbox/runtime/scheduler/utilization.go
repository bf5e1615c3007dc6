package scheduler

import (
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// period is that of ECS's metrics in seconds, and shortest the least real time in
// which the kernel's count of processor time says something.
const (
	period   = 60
	shortest = time.Second
)

// cpuUnits of a vCPU.
const cpuUnits = 1024

// sample is what a task had used at a time.
type sample struct {
	at   time.Time
	used task.Usage
}

// utilization is that of a service in its last period.
type utilization struct {
	next        time.Time // when the next period ends.
	cpu, memory float64   // in percent.
	ok          bool
}

// Utilization returns how much of the CPU and the memory of its task definition a
// task of a service used in the last minute, in percent, on average: CPUUtilization
// and MemoryUtilization of ECS. There is none when no task has run for that long, or
// the task definition has no CPU and memory. The minute is AWS's, but has at least a
// real second.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
func (s *Scheduler) Utilization(service string) (cpu, memory float64, ok bool) {
	s.mu.Lock()
	v := s.services[service]
	s.mu.Unlock()
	if v == nil {
		return 0, 0, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.used.cpu, v.used.memory, v.used.ok
}

// measure looks once a period at what the tasks use.
func (v *service) measure(now time.Time) {
	if now.Before(v.used.next) {
		return
	}
	var sum utilization
	n := 0.0
	for _, m := range v.members {
		definition := m.deployment.spec.TaskDefinition
		if m.task == nil || definition.CPU == 0 || definition.Memory == 0 {
			continue
		}
		last, current := m.used, sample{now, m.task.Usage()}
		m.used = current
		if last.at.IsZero() {
			continue
		}
		// A container that ended takes its time with it.
		spent := max(0, current.used.CPU-last.used.CPU)
		sum.cpu += 100 * spent.Seconds() / now.Sub(last.at).Seconds() * cpuUnits / float64(definition.CPU)
		sum.memory += 100 * float64(current.used.Memory) / float64(definition.Memory<<20)
		n++
	}
	v.used = utilization{next: now.Add(max(shortest, v.seconds(period)))}
	if n > 0 {
		v.used.cpu, v.used.memory, v.used.ok = sum.cpu/n, sum.memory/n, true
	}
}
