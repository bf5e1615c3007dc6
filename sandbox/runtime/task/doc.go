// Package task runs ECS tasks as processes of this machine: a [Host] starts the
// container of a task definition from an unpacked image, and a [Task] is what
// runs.
//
// # What a task gets
//
// A process that is not root: the user of the task definition or the image, by
// number, or 65532 when the sandbox runs as root, which also locks the process
// into its image (chroot); otherwise the sandbox's own user, whose files it
// could read, and CODEFLOW_BUNDLE says where the bundle is.
//
// An address of its own, 127.<zone>.<n>.<n>, with the container's port. A
// program listens on all addresses of its port, so two tasks could not share
// the port. A network namespace each would solve that, but it needs root, and
// the task could then reach neither the database nor the simulated AWS without
// forwarders for each of them. So every process is given a port of its own in
// PORT, and a forwarder listens on the task's address and the container's port.
// The program must do as PORT says; while it runs, it also listens on whatever
// addresses it chooses, beyond loopback too.
//
// # What a task does not get
//
// Limits of CPU and memory, a writable file system of its own, /dev, /proc and
// /etc/resolv.conf when it is locked in, more than one container.
//
// # Nothing survives
//
// The system kills a process when the thread that started it ends, also when
// the sandbox is killed, and a process group is killed with its leader.
package task
