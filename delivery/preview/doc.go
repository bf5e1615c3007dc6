// Package preview reads what `pulumi preview --json` printed: which resources an
// update would change, and how. Secrets and values that are not known yet are
// taken out while reading.
//
// Start at [Decode].
package preview
