// Package load sends HTTP/1.1 requests to a server on this machine, faster than
// the server answers them, and measures the answers. It is for benchmarks and
// for tests of what a server stands: it refuses any address but a loopback one,
// and a run is bounded in time.
//
// One thread serves all connections, so that the generator takes as little as
// it can of the processors that it shares with the server. It sends prebuilt
// bytes and reads no more of an answer than its status and where it ends.
//
// Start at [Dial].
package load
