// Package scheduler is the runtime's ECS: it keeps services at their desired
// count of healthy tasks, replaces them by rolling deployments, and undoes a
// deployment that fails.
//
// What a service does next is decided anew at each tick, from what there is: see
// decide in plan.go. The scheduler knows nothing of processes and proxies; they
// are behind [Runner] and [Targets].
//
// Where AWS does not say how long something takes, it takes no time, except that
// a task which ends before it was ever healthy delays the next start: see retry
// in members.go. A task is PENDING until all its containers run, or have ended
// without being essential: so a migration that is one of them delays its
// registration, and when it fails, counts against the deployment.
package scheduler
