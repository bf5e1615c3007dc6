// Package account is the simulated AWS account with what runs in it: package cloud
// knows the resources, package runtime runs them, and this package tells the second
// what the first has. Others work on it as on AWS, over AWS's protocols: the files
// api_*.go are the operations that they may call, and [Account.Access] leads an SDK to
// them.
//
// Start with [Open], then [Account.Start].
package account
