package compile

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

// SBOMFile is the name of the bill of materials, beside the layout.
const SBOMFile = "sbom.spdx.json"

// spdx is a document of SPDX 2.3.
type spdx struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      spdxCreation   `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []spdxRelation `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID           string         `json:"SPDXID"`
	Name         string         `json:"name"`
	Version      string         `json:"versionInfo,omitempty"`
	Download     string         `json:"downloadLocation"`
	Analyzed     bool           `json:"filesAnalyzed"`
	Concluded    string         `json:"licenseConcluded"`
	Declared     string         `json:"licenseDeclared"`
	Copyright    string         `json:"copyrightText"`
	ExternalRefs []spdxExternal `json:"externalRefs,omitempty"`
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

// writeSBOM lists what the Go linker says is in a binary.
func writeSBOM(binary, out string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("bill of materials: %w", err)
	}
	b, err := json.MarshalIndent(billOf(info), "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, b, 0o644)
}

// billOf is the document of a program: the main module, what it depends on,
// and the toolchain's own library. It says nothing of time or place, so that
// equal programs have equal bills.
func billOf(info *debug.BuildInfo) spdx {
	main := module("SPDXRef-main", info.Main.Path, info.Main.Version)
	if main.Name == "" {
		main.Name = info.Path
	}
	doc := spdx{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: info.Path,
		Namespace: "https://sluice.dev/spdx/" + info.Path,
		Creation:  spdxCreation{Created: "1970-01-01T00:00:00Z", Creators: []string{"Tool: sluice"}},
		Packages:  []spdxPackage{main, module("SPDXRef-stdlib", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))},
		Relationships: []spdxRelation{
			{"SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-main"}, {"SPDXRef-main", "DEPENDS_ON", "SPDXRef-stdlib"},
		},
	}
	for i, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		id := fmt.Sprintf("SPDXRef-module-%d", i)
		doc.Packages = append(doc.Packages, module(id, dep.Path, dep.Version))
		doc.Relationships = append(doc.Relationships, spdxRelation{"SPDXRef-main", "DEPENDS_ON", id})
	}
	return doc
}

func module(id, path, version string) spdxPackage {
	p := spdxPackage{
		ID: id, Name: path, Version: version, Download: "NOASSERTION",
		Concluded: "NOASSERTION", Declared: "NOASSERTION", Copyright: "NOASSERTION",
	}
	if path != "" && version != "" && !strings.HasPrefix(version, "(") {
		p.ExternalRefs = []spdxExternal{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}
	}
	return p
}
