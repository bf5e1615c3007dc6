// Package pulumi is the traffic controller's hand on the Pulumi stacks: it edits
// codeflow:traffic in the platform's stack file, updates the platform through the
// Automation API, and reads what the colours export.
//
// Start with [New].
package pulumi
