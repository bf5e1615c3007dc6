// Package emf writes what a Prometheus registry counted to CloudWatch, as
// lines of the embedded metric format: CloudWatch Logs finds them in the log
// of a container and makes metrics of them, with no agent and no permission
// of the container's own.
//
// A Prometheus counter is a total since the process started, a CloudWatch
// value is what happened in a minute. So an [Exporter] remembers what it wrote
// and writes the difference.
package emf
