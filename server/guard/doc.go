// Package guard decides which requests a handler gets to see: those for a host
// that is ours, from nobody else's web page, by who may ask, no larger and no
// more at once than the server can bear.
//
// Start at [New].
package guard
