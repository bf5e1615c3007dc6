// Package cloud is the sandbox's AWS: a resource provider for the real Pulumi
// engine that keeps what it makes in a folder instead of an account.
//
// [Open] opens the folder and [Cloud.Serve] serves the provider on a loopback
// port, to which the engine is pointed with PULUMI_DEBUG_PROVIDERS=aws:PORT.
// Every provider instance of a program, one per region, attaches to the same
// port; they are told apart by their connections.
//
// It is a product and not a mock: it answers as AWS and the real provider
// would, and refuses what they refuse. What it knows of a resource type comes
// from two places:
//
//   - package schema, generated from the real provider: names, kinds, what is
//     required, what replaces;
//   - a [Rule] in one of the rules_*.go files: what ids look like, which
//     resources it refers to, what must be unique, what AWS fills in, and the
//     checks of AWS's own that data cannot express.
//
// To teach it a type, add a line to the rules of its service. A type without a
// rule is refused, so that nothing is believed to work that was never looked
// at.
//
// Who calls is known by the stack, and asked for permissions: see [Cloud.SetCallers].
//
// The sandbox makes no claim about time, cost or quotas.
package cloud
