// Package engine runs the project's unmodified Pulumi program on the real Pulumi
// engine, with the simulated AWS in place of the account: the real CLI through
// the Automation API, its state and the simulated account below one folder.
//
//	DIR/cli        the Pulumi CLI, unless PATH has one
//	DIR/stacks     the stacks' config, copied from the project; edit it there
//	DIR/state      the file backend
//	DIR/cloud      the simulated account
//	DIR/registry   the images behind its ECR
//
// Start with [Open]. A run that was killed is repaired by the next one.
package engine
