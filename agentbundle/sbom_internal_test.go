package agentbundle

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func TestSBOMNamesWhatTheImageIsMadeFrom(t *testing.T) {
	t.Parallel()
	b := builder{bundle: &Bundle{Manifest: manifest.Manifest{
		Source:   manifest.Source{Name: "@x/agents", Version: "1.0.0", License: "MIT"},
		Overlays: []manifest.Source{{Name: "own", Version: "2.0.0"}},
		Agents:   []manifest.Entry{{Path: "agents/a.md"}},
		Commands: []manifest.Entry{{Path: "commands/c.md"}},
	}}}
	doc := b.document([]part{
		{platform: platforms[0], base: "sha256:0a", modules: []module{{"stdlib", "1.26.8"}, {"example.com/M", "v1.0.0"}}},
		{platform: v1.Platform{OS: "linux", Architecture: "arm64"}, base: "sha256:0b", modules: []module{{"stdlib", "1.26.8"}, {"example.com/arm", "v1.0.0"}}},
	})
	var got []string
	for i, p := range doc.Packages {
		line := strings.TrimPrefix(p.Supplier, "Organization: ") + " " + p.License + ": " + doc.Relationships[i].From + " " + doc.Relationships[i].Type + " " + p.Purpose + " " + p.Name + " " + p.VersionInfo
		for _, ref := range p.ExternalRefs {
			line += " " + ref.Locator
		}
		got = append(got, line)
		assert.Equal(t, p.SPDXID, doc.Relationships[i].To)
	}
	assert.Equal(t, []string{
		"ferg-cod3s Apache-2.0 AND BSD-3-Clause AND MIT: SPDXRef-DOCUMENT DESCRIBES CONTAINER codeflow 1.0.0",
		"ferg-cod3s Apache-2.0: SPDXRef-Package-0 CONTAINS APPLICATION codeflow-server ",
		"x MIT: SPDXRef-Package-0 CONTAINS SOURCE @x/agents 1.0.0 pkg:npm/%40x/agents@1.0.0",
		"NOASSERTION NOASSERTION: SPDXRef-Package-0 CONTAINS SOURCE own 2.0.0 pkg:npm/own@2.0.0",
		"NOASSERTION NOASSERTION: SPDXRef-Package-0 CONTAINS CONTAINER base for linux/amd64 sha256:0a",
		"NOASSERTION NOASSERTION: SPDXRef-Package-0 CONTAINS CONTAINER base for linux/arm64 sha256:0b",
		"example.com NOASSERTION: SPDXRef-Package-1 DEPENDS_ON LIBRARY example.com/M v1.0.0 pkg:golang/example.com/M@v1.0.0",
		"example.com NOASSERTION: SPDXRef-Package-1 DEPENDS_ON LIBRARY example.com/arm v1.0.0 pkg:golang/example.com/arm@v1.0.0",
		"golang.org BSD-3-Clause: SPDXRef-Package-1 DEPENDS_ON LIBRARY stdlib 1.26.8 pkg:golang/stdlib@1.26.8",
		"NOASSERTION NOASSERTION: SPDXRef-Package-0 CONTAINS FILE agents/a.md ",
		"NOASSERTION NOASSERTION: SPDXRef-Package-0 CONTAINS FILE commands/c.md ",
	}, got)
}
