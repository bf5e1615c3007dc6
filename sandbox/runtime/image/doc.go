// Package image fetches container images for tasks: [Puller.Pull] takes an image
// by digest from a registry and unpacks it into a folder that tasks can be locked
// into and never write to.
//
// Whoever can push to the registry decides what is in an image, so everything in
// it is distrusted: entries that lead out of the folder, that would give rights
// (setuid, setgid, devices), and images that are too large are refused. Files
// belong to whoever runs the sandbox and can be read, and run, but not written,
// by everybody: modes beyond that, owners, times and extended attributes are not
// kept.
package image
