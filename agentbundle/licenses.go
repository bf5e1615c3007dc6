package agentbundle

import (
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	// license is this repository's, and so the server's.
	license = "Apache-2.0"
	// vendor is who distributes the image.
	vendor = "ferg-cod3s"
	// noAssertion is what SPDX has for what is not known.
	noAssertion = "NOASSERTION"
)

// licenses are those of the modules that the server links, by the beginning of
// their paths, as SPDX expressions; the first row that fits counts. A test
// reads each module's own file.
var licenses = []struct{ path, license string }{
	{"stdlib", "BSD-3-Clause"},
	{"github.com/agext/levenshtein", "Apache-2.0"},
	{"github.com/aws/", "Apache-2.0"},
	{"github.com/beorn7/perks", "MIT"},
	{"github.com/cenkalti/backoff/", "MIT"},
	{"github.com/cespare/xxhash/", "MIT"},
	{"github.com/coreos/go-oidc/", "Apache-2.0"},
	{"github.com/go-jose/go-jose/", "Apache-2.0"},
	{"github.com/go-logr/", "Apache-2.0"},
	{"github.com/google/jsonschema-go", "MIT"},
	{"github.com/google/uuid", "BSD-3-Clause"},
	{"github.com/grpc-ecosystem/grpc-gateway/", "BSD-3-Clause"},
	{"github.com/hashicorp/golang-lru/", "MPL-2.0"},
	{"github.com/jackc/", "MIT"},
	{"github.com/klauspost/compress", "Apache-2.0 AND BSD-3-Clause AND MIT"},
	{"github.com/mfridman/interpolate", "MIT"},
	{"github.com/modelcontextprotocol/go-sdk", "Apache-2.0 AND MIT"},
	{"github.com/munnerz/goautoneg", "BSD-3-Clause"},
	{"github.com/pressly/goose/", "MIT"},
	{"github.com/prometheus/", "Apache-2.0"},
	{"github.com/segmentio/", "MIT"},
	{"github.com/sethvargo/go-retry", "Apache-2.0"},
	{"github.com/sony/gobreaker/", "MIT"},
	{"github.com/yosida95/uritemplate/", "BSD-3-Clause"},
	{"github.com/yuin/goldmark", "MIT"},
	{"go.opentelemetry.io/auto/", "Apache-2.0"},
	{"go.opentelemetry.io/proto/", "Apache-2.0"},
	{"go.opentelemetry.io/", "Apache-2.0 AND BSD-3-Clause"},
	{"go.uber.org/multierr", "MIT"},
	{"golang.org/x/", "BSD-3-Clause"},
	{"google.golang.org/genproto/", "Apache-2.0"},
	{"google.golang.org/grpc", "Apache-2.0"},
	{"google.golang.org/protobuf", "BSD-3-Clause"},
	{"gopkg.in/yaml.v3", "Apache-2.0 AND MIT"},
}

// license returns the module's SPDX expression.
func (m module) license() string {
	for _, row := range licenses {
		if strings.HasPrefix(m.Path, row.path) {
			return row.license
		}
	}
	return noAssertion
}

// expression returns the SPDX expression of everything in an image.
func expression(m manifest.Manifest, modules []module) string {
	all := []string{license}
	for _, module := range modules {
		all = append(all, strings.Split(module.license(), " AND ")...)
	}
	for _, source := range append([]manifest.Source{m.Source}, m.Overlays...) {
		if strings.Contains(source.License, " OR ") {
			source.License = "(" + source.License + ")"
		}
		all = append(all, source.License)
	}
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" || s == noAssertion })
	return strings.Join(all, " AND ")
}

// supplier returns who controls the name of a package: the scope of npm, the
// owner on GitHub, the host of a Go module.
func supplier(name string) string {
	owner, rest, scoped := strings.Cut(strings.TrimPrefix(name, "@"), "/")
	switch {
	case name == "stdlib":
		owner = "golang.org"
	case !scoped:
		return noAssertion
	case owner == "github.com":
		owner, _, _ = strings.Cut(rest, "/")
	}
	return "Organization: " + owner
}
