package agentbundle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

// DefaultPort is the port that the server listens on unless [Config.Port]
// says otherwise.
const DefaultPort = 3000

// Config says what goes into a bundle and what the image is built from.
type Config struct {
	// Package is the installed npm package, or any other directory of agents
	// and commands. Required.
	Package Source

	// Overlays are further directories of agents and commands. Their files
	// replace those of the same kind and name in Package and in earlier
	// overlays. Optional.
	Overlays []Source

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

// Source is a directory of agents and commands, all made for one tool or each
// for its own. A file .agentbundleignore in its root names files to pass over,
// in the syntax of .gitignore.
type Source struct {
	// Path is the directory. Required.
	Path string

	// Format is the tool that the files are made for, one of [convert.Tools], or
	// [FormatAuto]. Optional, default: uats.
	Format string

	// RequireUATS refuses every agent that is not complete by UATS, as the format
	// uats does; with [FormatAuto] it is for sources that have both. Optional.
	RequireUATS bool

	// Exclude names files to leave out, each with the reason. Keys are
	// slash-separated paths relative to Path. Optional.
	Exclude map[string]string
}

// FormatAuto takes each file for what it is made for.
const FormatAuto = "auto"

// withDefaults returns the config with every optional field set, or all of
// its problems.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Package.Path == "" {
		errs = append(errs, errors.New(`agentbundle config "package": must name the directory of the installed npm package, got ""`))
	}
	c.Overlays = slices.Clone(c.Overlays)
	for i, s := range c.sources() {
		if s.Format = cmp.Or(s.Format, convert.UATS); s.Format != FormatAuto && !slices.Contains(convert.Tools(), s.Format) {
			errs = append(errs, fmt.Errorf(`agentbundle config "format" of %q: must be one of auto, %s, got %q`,
				s.Path, strings.Join(convert.Tools(), ", "), s.Format))
		}
		s.RequireUATS = s.RequireUATS || s.Format == convert.UATS
		if i == 0 {
			c.Package = s
		} else {
			c.Overlays[i-1] = s
		}
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

// sources are all directories, the package first.
func (c Config) sources() []Source { return append([]Source{c.Package}, c.Overlays...) }
