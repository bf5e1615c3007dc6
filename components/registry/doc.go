// Package registry is the container registry of a platform: an ECR repository
// with immutable tags, scanned on push, encrypted with its own KMS key, whose
// lifecycle keeps what the colours may have to go back to.
//
// Start with [New].
package registry
