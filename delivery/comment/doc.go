// Package comment writes the one comment that a pull request has: what its change
// would do to each stack, the worst first.
//
// Start at [Render]. The text is Markdown as GitHub shows it, and names and messages
// in it are code, so that they are neither formatting nor mentions.
package comment
