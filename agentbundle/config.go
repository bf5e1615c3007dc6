package agentbundle

import (
	"errors"
	"fmt"
)

// DefaultPort is the port that the server listens on unless [Config.Port]
// says otherwise.
const DefaultPort = 3000

// Config says what goes into a bundle and what the image is built from.
type Config struct {
	// Package is the directory of the installed npm package, or any other
	// directory of agents and commands. Required.
	Package string

	// Overlays are further directories of agents and commands. Their files
	// replace those of the same kind and name in Package and in earlier
	// overlays. A file .agentbundleignore in the root of an overlay, or of
	// Package, names files to pass over, in the syntax of .gitignore. Optional.
	Overlays []string

	// Exclude names files of Package to leave out, each with the reason. Keys
	// are slash-separated paths relative to Package. Optional.
	Exclude map[string]string

	// Module is the directory of the Go module that holds
	// cmd/codeflow-server. Optional, default: the working directory.
	Module string

	// Base is what the image is built on: "scratch", the directory of an OCI
	// layout, or an image reference by digest. It must hold every platform
	// of the image. Optional, default: scratch.
	Base string

	// Port is the TCP port that the server listens on. Optional, default:
	// [DefaultPort].
	Port int
}

// withDefaults returns the config with every optional field set, or all of
// its problems.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Package == "" {
		errs = append(errs, errors.New(`agentbundle config "package": must name the directory of the installed npm package, got ""`))
	}
	if c.Port == 0 {
		c.Port = DefaultPort
	}
	if c.Port < 1 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf(`agentbundle config "port": must be from 1 to 65535, got %d`, c.Port))
	}
	if c.Module == "" {
		c.Module = "."
	}
	if c.Base == "" {
		c.Base = scratch
	}
	return c, errors.Join(errs...)
}
