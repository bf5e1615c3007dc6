// Package report tells what a rehearsal came to: as JSON, as a page that needs
// nothing else, as a table and in one line.
//
// Start at [Report] and [Write].
package report
