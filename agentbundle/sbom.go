package agentbundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// spdxType is the media type of an SPDX document in JSON.
const spdxType types.MediaType = "application/spdx+json"

// spdx is a software bill of materials:
// https://spdx.github.io/spdx-spec/v2.3/
type spdx struct {
	SPDXVersion       string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	SPDXID            string         `json:"SPDXID"`
	Name              string         `json:"name"`
	DocumentNamespace string         `json:"documentNamespace"`
	CreationInfo      spdxCreation   `json:"creationInfo"`
	Packages          []spdxPackage  `json:"packages"`
	Relationships     []spdxRelation `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	SPDXID           string         `json:"SPDXID"`
	Name             string         `json:"name"`
	VersionInfo      string         `json:"versionInfo,omitempty"`
	Purpose          string         `json:"primaryPackagePurpose"`
	DownloadLocation string         `json:"downloadLocation"`
	FilesAnalyzed    bool           `json:"filesAnalyzed"`
	ExternalRefs     []spdxExternal `json:"externalRefs,omitempty"`
}

type spdxExternal struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelation struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const (
	spdxDocument = "SPDXRef-DOCUMENT"
	spdxImage    = "SPDXRef-Package-0"
	spdxServer   = "SPDXRef-Package-1"
)

// sbom attaches the bill of materials to the index, as an OCI referrer. It
// names what the image consists of: the server with its modules, the base, the
// npm package and the agents. It has no digests of the agents: the subject
// fixes those, through the manifest in the image. So an edited agent leaves
// the document as it is, and a push does not upload it again.
func (b builder) sbom(index v1.ImageIndex, parts []part) (v1.Image, error) {
	data, err := json.Marshal(b.document(parts))
	if err != nil {
		return nil, fmt.Errorf("encoding the SBOM: %w", err)
	}
	subject, err := partial.Descriptor(index)
	if err != nil {
		return nil, fmt.Errorf("attaching the SBOM: %w", err)
	}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(data, spdxType))
	if err != nil {
		return nil, fmt.Errorf("attaching the SBOM: %w", err)
	}
	// Without artifactType, the config's type is the artifact's.
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), spdxType)
	return mutate.Subject(img, v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}).(v1.Image), nil
}

func (b builder) document(parts []part) spdx {
	m := b.bundle.Manifest
	doc := spdx{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: spdxDocument, Name: "codeflow",
		// A time would change the digest of the same content.
		CreationInfo: spdxCreation{Created: "1970-01-01T00:00:00Z", Creators: []string{"Tool: agentbundle"}},
	}
	doc.add(spdxDocument, "DESCRIBES", spdxPackage{Name: "codeflow", VersionInfo: m.Source.Version, Purpose: "CONTAINER"})
	doc.add(spdxImage, "CONTAINS", spdxPackage{Name: serverPath, Purpose: "APPLICATION"})
	for _, source := range append([]manifest.Source{m.Source}, m.Overlays...) {
		if source.Name != "" {
			doc.add(spdxImage, "CONTAINS", spdxPackage{Name: source.Name, VersionInfo: source.Version, Purpose: "SOURCE"}.at("npm"))
		}
	}
	var modules []module
	for _, p := range parts {
		modules = append(modules, p.modules...)
		if p.base != "" {
			doc.add(spdxImage, "CONTAINS", spdxPackage{Name: "base for " + p.platform.String(), VersionInfo: p.base, Purpose: "CONTAINER"})
		}
	}
	slices.SortFunc(modules, func(a, b module) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	for _, m := range slices.Compact(modules) {
		doc.add(spdxServer, "DEPENDS_ON", spdxPackage{Name: m.Path, VersionInfo: m.Version, Purpose: "LIBRARY"}.at("golang"))
	}
	for _, e := range slices.Concat(m.Agents, m.Commands) {
		doc.add(spdxImage, "CONTAINS", spdxPackage{Name: e.Path, Purpose: "FILE"})
	}

	// What identifies the document is its content, which JSON holds in order.
	content, _ := json.Marshal(doc)
	doc.DocumentNamespace = sourceURL + "/sbom/" + manifest.Sum(content)
	return doc
}

// add appends a package, with its relation to an earlier one.
func (s *spdx) add(from, relation string, p spdxPackage) {
	p.SPDXID = fmt.Sprintf("SPDXRef-Package-%d", len(s.Packages))
	p.DownloadLocation = "NOASSERTION"
	s.Packages = append(s.Packages, p)
	s.Relationships = append(s.Relationships, spdxRelation{From: from, Type: relation, To: p.SPDXID})
}

// at adds where the package is known by name and version:
// https://github.com/package-url/purl-spec
func (p spdxPackage) at(registry string) spdxPackage {
	name := strings.ReplaceAll(p.Name, "@", "%40") // of an npm scope
	p.ExternalRefs = []spdxExternal{{
		Category: "PACKAGE-MANAGER", Type: "purl", Locator: fmt.Sprintf("pkg:%s/%s@%s", registry, name, p.VersionInfo),
	}}
	return p
}
