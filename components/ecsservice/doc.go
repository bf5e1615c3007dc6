// Package ecsservice runs a server as a Fargate service behind a load
// balancer's target group: cluster, task definition, service, autoscaling,
// roles, logs and the alarms that undo a bad deployment.
//
// # An honest deployment
//
// ECS rolls a failed deployment back by itself, and the provider may still
// report success. So on an update, after the service has settled, the component
// reads back which task definition really runs, and fails the update when it is
// another one than the one asked for. [Service.SettledTaskDefinition] and
// [Service.SettledImage] are what was read, so that others can compare them
// even after such a failure.
//
// # What runs before and beside the server
//
// [Container.First] gates the server: database migrations run so, with a login of
// their own that only the execution role reads. ECS starts the server after their
// success, and undoes a deployment whose migration fails.
//
// Start with [New].
package ecsservice
