// Package task runs ECS tasks as processes of this machine: a [Host] starts the
// containers of a task definition from unpacked images, and a [Task] is what runs.
//
// # What a task does
//
// Containers start as their dependencies allow and stop in the reverse order. A
// task stops when an essential container has ended or cannot be started, and is as
// healthy as its essential containers.
//
// # What a container gets
//
// A process that is not root: the user of the task definition or the image, by
// number, or 65532 when the sandbox runs as root, which also locks the process
// into its image (chroot); otherwise the sandbox's own user, whose files it
// could read, and CODEFLOW_BUNDLE says where the bundle is.
//
// The address of its task, 127.<zone>.<n>.<n>, with the container's port. A
// program listens on all addresses of its port, so two tasks could not share
// the port. A network namespace each would solve that, but it needs root, and
// the task could then reach neither the database nor the simulated AWS without
// forwarders for each of them. So every process is given a port of its own in
// PORT, and a forwarder listens on the task's address and the container's port.
// The program must do as PORT says; while it runs, it also listens on whatever
// addresses it chooses, beyond loopback too.
//
// All processes share the loopback addresses of this machine, but not the ports of
// their definitions: a container that looks for another one of its task at localhost
// finds it only if it is the collector, to which the variables
// OTEL_EXPORTER_OTLP_*ENDPOINT are led.
//
// # What is stood in for
//
// The AWS Distro for OpenTelemetry runs as package collector within the sandbox,
// whatever its image: see [StandsIn]. It uses no CPU and memory
// that [Task.Usage] sees, and its health checks pass.
//
// # What a container does not get
//
// Limits of CPU and memory, a writable file system of its own, /dev, /proc and
// /etc/resolv.conf when it is locked in, more than one port.
//
// # Nothing survives
//
// The system kills a process when the thread that started it ends, also when
// the sandbox is killed, and a process group is killed with its leader.
package task
