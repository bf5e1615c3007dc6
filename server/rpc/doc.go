// Package rpc is what a client of the Model Context Protocol talks to: HTTP and
// JSON-RPC. It stands before the SDK's handler and lets only single requests
// through that are well formed, at most [decodes] at once; it answers all else
// itself, with an error of JSON-RPC and the id as it was sent, byte for byte.
//
// The SDK keeps what MCP means by a request. Its answers are remembered by
// everything that they depend on.
//
// Start at [New].
package rpc
