// Package schema knows the inputs and outputs of the AWS resource types that
// the sandbox can be taught: which properties exist, of which kind, which are
// required, computed or secret, and which change makes the real provider
// replace a resource.
//
// The facts are in aws.json, one line per type. They come from `terraform
// providers schema -json` of hashicorp/aws 5.100.0, over which pulumi-aws
// 6.83.4 is a bridge; what replaces was planned by that real provider, property
// by property. [gen] wrote the file and names its inputs.
//
// A property is a code: its kind and its flags.
//
//	s n b *        a string, a number, a boolean, anything
//	o              an object; its properties stand beside its code, which has the key ""
//	[s] <o> {s}    a list, a set (its order means nothing), a map
//	! ? =          required, optional, computed (an output)
//	$              secret
//	^ ~            a change replaces the resource; it does so in some cases
//	+2 -5          at least 2 elements, at most 5
//
// An object with "@" takes its properties from the shared object of that name.
//
// [gen]: https://github.com/ferg-cod3s/codeflow-infrastructure/tree/main/sandbox/cloud/schema/gen
package schema
