// Package engine runs the project's unmodified Pulumi program on the real Pulumi
// engine, with the simulated AWS in place of the account: the real CLI through
// the Automation API, its state and the simulated account below one folder.
//
//	DIR/stacks     the stacks' config, copied from the project; edit it there
//	DIR/state      the file backend
//	DIR/cloud      the simulated account
//	DIR/registry   the images behind its ECR
//	DIR/runtime    what runs: unpacked images, logs, databases, certificates
//	DIR/bundles    agents that a colour has for itself
//	DIR/ops        the traffic controller's journal
//	DIR/running    who has the sandbox, until it is closed
//
// The Pulumi CLI is the one on PATH, or built in the project's .sandbox/cli.
//
// Start with [Open]. A run that was killed is repaired by the next one.
package engine
