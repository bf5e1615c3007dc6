// Package account is the simulated AWS account with what runs in it: package cloud
// knows the resources, package runtime runs them, and this package tells the second
// what the first has.
//
// Start with [Open], then [Account.Start]. The traffic controller works on it
// through [Account.Ops].
package account
