// Package secret reads a secret of AWS Secrets Manager while the server runs, so
// that a value that is rotated needs no new task.
//
// Start at [New].
package secret
