// Package manifest is the contract between the packer of a bundle
// (agentbundle) and the program that serves it (server): the file
// manifest.json in the bundle's root names every agent and command with its
// digest, and one digest over all of them identifies the bundle wherever it
// appears: image label, task definition, stack outputs, /health.
//
// It depends on the standard library alone, because it is linked into the
// server. Start at [Read].
package manifest
