// Package traffic is a constant load on one name, as good clients make it, and
// what it measures. Half of it reads the HTTP API, half of it calls tools with
// the official MCP client.
//
// The loop is open: requests are sent by the clock, however late earlier ones are
// answered, and a request's time begins when it was due. What the measurements
// say of an interval is about the requests that were due in it, whenever they
// ended.
//
// Each virtual client dials from a loopback address of its own, 127.9.x.y, since
// resolvers keep answers and firewalls count requests by address: Linux only. It
// keeps its connections until the server ends them, and never asks the resolver again
// by itself: what moves it to another load balancer is the keep-alive time of the old
// one. Three of four clients speak HTTP/2, so that one connection is enough however
// late the answers are: on a machine that is too slow, a TLS handshake for each request
// would make it slower yet. The fourth speaks HTTP/1.1.
//
// [Borne] measures how much of it the machine bears, and [Pace] how well the machine
// keeps up meanwhile.
//
// Start at [Start].
package traffic
