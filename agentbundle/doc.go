// Package agentbundle turns published agents and commands into the container
// image that the colour stacks deploy. The bundle of agents is the unit of
// release: a new bundle is a new image digest, and nothing else is.
//
// The steps are sources → checks → manifest → layers → image → registry:
//
//   - [Load] reads the installed npm package and the team's own files on top,
//     checks every file and reports all problems at once.
//   - [Bundle.Image] packs the bundle over a base, together with the server
//     that serves it, as an OCI index for linux/amd64.
//   - [Image.Push] uploads what the registry lacks, the tag last.
//
// Load and Image have no side effects outside Go's caches, so that a preview
// can show the digest that an update will deploy.
//
// # Reproducibility
//
// The same agents, base and server source always give the same digest. Files
// have fixed modes and owners and no times, layers and manifests are sorted,
// and the image names neither a revision nor a build time. The server is
// compiled with fixed settings by the toolchain that go.mod names, and layers
// are compressed by a module that go.mod names: only a change of those may
// change digests.
//
// # Layers
//
// The layers are the base's, the server and, last, the agents: a release that
// changes only agents uploads one small layer. There is no layer of CA
// certificates and time zones. The server links Mozilla's roots from
// golang.org/x/crypto/x509roots/fallback instead: go.sum pins them, they keep
// the name constraints that a PEM file cannot express, and a base image that
// brings its own store takes precedence. It links the time zones of its Go
// toolchain in the same way, from time/tzdata: they cost 450 KB and
// need no package of a distribution.
//
// An SPDX bill of materials is attached to the image as an OCI referrer.
//
// # The server's cache
//
// Compiled and compressed servers are kept in the user's cache directory, under
// a digest of all that they are made from, so that a build after an edited agent
// takes well under a tenth of a second.
package agentbundle
