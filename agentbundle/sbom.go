package agentbundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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
	Supplier         string         `json:"supplier"`
	DownloadLocation string         `json:"downloadLocation"`
	FilesAnalyzed    bool           `json:"filesAnalyzed"`
	Concluded        string         `json:"licenseConcluded"`
	License          string         `json:"licenseDeclared"`
	Copyright        string         `json:"copyrightText"`
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

// toolVersion is raised with what is written.
const toolVersion = "2"

// own is who supplies the image.
const own = "Organization: " + vendor

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
	return attach(data, v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest})
}

// emptyConfig is that of an artifact which is no image:
// https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor
var emptyConfig = static.NewLayer([]byte("{}"), types.OCIEmptyJSON)

// artifact is an OCI manifest of one document.
type artifact struct {
	manifest []byte
	document v1.Layer
}

// attach returns an artifact about the subject.
func attach(document []byte, subject v1.Descriptor) (v1.Image, error) {
	a := artifact{document: static.NewLayer(document, spdxType)}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: string(spdxType), Subject: &subject}
	config, err := partial.Descriptor(emptyConfig)
	if err != nil {
		return nil, fmt.Errorf("attaching the SBOM: %w", err)
	}
	layer, err := partial.Descriptor(a.document)
	if err != nil {
		return nil, fmt.Errorf("attaching the SBOM: %w", err)
	}
	m.Config, m.Layers = *config, []v1.Descriptor{*layer}
	m.Config.Data = []byte("{}")
	if a.manifest, err = json.Marshal(m); err != nil {
		return nil, fmt.Errorf("attaching the SBOM: %w", err)
	}
	return partial.CompressedToImage(a)
}

func (a artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (a artifact) RawManifest() ([]byte, error)        { return a.manifest, nil }
func (a artifact) RawConfigFile() ([]byte, error)      { return []byte("{}"), nil }

// LayerByDigest implements [partial.CompressedImageCore].
func (a artifact) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range []v1.Layer{a.document, emptyConfig} {
		if d, err := l.Digest(); err != nil || d == digest {
			return l, err
		}
	}
	return nil, fmt.Errorf("the artifact has no blob %s", digest)
}

func (b builder) document(parts []part) spdx {
	m := b.bundle.Manifest
	doc := spdx{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: spdxDocument, Name: "codeflow",
		// A time would change the digest of the same content.
		CreationInfo: spdxCreation{Created: epoch.Format(time.RFC3339), Creators: []string{"Tool: agentbundle-" + toolVersion, own}},
	}
	var modules []module
	for _, p := range parts {
		modules = append(modules, p.modules...)
	}
	doc.add(spdxDocument, "DESCRIBES", spdxPackage{
		Name: "codeflow", VersionInfo: m.Source.Version, Purpose: "CONTAINER", Supplier: own, License: expression(m, modules),
	})
	doc.add(spdxImage, "CONTAINS", spdxPackage{Name: serverPath, Purpose: "APPLICATION", Supplier: own, License: license})
	for _, source := range append([]manifest.Source{m.Source}, m.Overlays...) {
		if source.Name != "" {
			doc.add(spdxImage, "CONTAINS", spdxPackage{
				Name: source.Name, VersionInfo: source.Version, Purpose: "SOURCE", License: source.License,
			}.at("npm"))
		}
	}
	for _, p := range parts {
		if p.base != "" {
			doc.add(spdxImage, "CONTAINS", spdxPackage{Name: "base for " + p.platform.String(), VersionInfo: p.base, Purpose: "CONTAINER"})
		}
	}
	slices.SortFunc(modules, func(a, b module) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	for _, m := range slices.Compact(modules) {
		doc.add(spdxServer, "DEPENDS_ON", spdxPackage{
			Name: m.Path, VersionInfo: m.Version, Purpose: "LIBRARY", License: m.license(),
		}.at("golang"))
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
	p.DownloadLocation, p.Copyright, p.Concluded = noAssertion, noAssertion, noAssertion
	p.License, p.Supplier = cmp.Or(p.License, noAssertion), cmp.Or(p.Supplier, noAssertion)
	s.Packages = append(s.Packages, p)
	s.Relationships = append(s.Relationships, spdxRelation{From: from, Type: relation, To: p.SPDXID})
}

// at adds where the package is known by name and version:
// https://github.com/package-url/purl-spec
func (p spdxPackage) at(registry string) spdxPackage {
	p.Supplier = supplier(p.Name)
	name := strings.ReplaceAll(p.Name, "@", "%40") // of an npm scope
	p.ExternalRefs = []spdxExternal{{
		Category: "PACKAGE-MANAGER", Type: "purl", Locator: fmt.Sprintf("pkg:%s/%s@%s", registry, name, p.VersionInfo),
	}}
	return p
}
