// Package server puts together codeflow-server, the program in the image that
// the colour stacks deploy. It serves one bundle of agents, read and verified
// once at start: a bundle never changes while it is served.
//
// The server starts even when its bundle is missing or damaged and says so on
// /health with status 503. The load balancer then keeps traffic away, and the
// reason can be read, which a crash loop would hide.
//
// The parts are packages below: catalog (the bundle in memory), mcpserver, api
// and web (what is served), compress (smaller), guard and signin (to whom), usage
// and database (what is counted), telemetry (what is told to operators).
//
// Start at [New] for the handler, [Serve] to run it and [CheckHealth] for the
// container's health check.
package server
