// Package runtime is what really runs when the simulated account gets a service:
// the containers of tasks are processes from pushed images, load balancers are
// proxies, records are answered, all on loopback. Linux only.
//
// [New] opens the front door only. The caller tells it what the account has, as the account
// has it, and may do so again after each change:
//
//   - [Runtime.Balancers] takes target groups and load balancers with their
//     listeners ([balancer.LoadBalancer]);
//   - [Runtime.Apply] takes ECS services with their task definition
//     ([scheduler.Service]) and returns the deployment to wait for;
//   - [Runtime.Zone] takes the records ([dns.Record]).
//
// Clients come in at [Runtime.Door], or at a load balancer's own address.
// [Runtime.Status] says how all of it is, and [Runtime.SetFault] hurts it.
//
// An int in seconds is AWS's time, which passes faster by the time scale; see
// package timescale. Each package says what it leaves out.
package runtime
