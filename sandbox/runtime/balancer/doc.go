// Package balancer is the runtime's Elastic Load Balancing: Application Load
// Balancers that are real HTTP proxies on loopback, and target groups that check
// the health of their targets.
//
// [Balancers] holds them all. Each load balancer listens on an address of its
// own, 127.100.n.n, with the ports of its listeners when this user may, otherwise
// with free ones ([Balancers.Status] tells). Clients are told by their address,
// so that the rate rule and X-Forwarded-For see the 127.x.y.z that a client
// dials from.
//
// Intervals, thresholds and delays are AWS's at the time scale; timeouts of
// requests are real time. A load balancer is one node: there is no cross-zone
// routing to turn off.
package balancer
