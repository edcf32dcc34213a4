package publish

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/schema/contract"
)

// statement is an in-toto statement about an image.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     any       `json:"predicate"`
}

// Types of predicates.
const (
	predicateSLSA = "https://slsa.dev/provenance/v1"
	predicateSPDX = "https://spdx.dev/Document"
)

// about says something of an image.
func about(ref registries.Image, image *v1.Descriptor, kind string, what any) statement {
	return statement{
		Type:          "https://in-toto.io/Statement/v1",
		Subject:       []subject{{ref.Written.Context().Name(), map[string]string{image.Digest.Algorithm: image.Digest.Hex}}},
		PredicateType: kind, Predicate: what,
	}
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	Definition definition `json:"buildDefinition"`
	Run        run        `json:"runDetails"`
}

type definition struct {
	BuildType    string         `json:"buildType"`
	External     map[string]any `json:"externalParameters"`
	Dependencies []dependency   `json:"resolvedDependencies,omitempty"`
}

type dependency struct {
	URI    string            `json:"uri"`
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

type run struct {
	Builder  map[string]string `json:"builder"`
	Metadata map[string]string `json:"metadata"`
}

// The names under which our provenance is known.
const (
	buildType = "https://sluice.dev/build/v1"
	builderID = "https://sluice.dev/builder/v1"
)

func (s Step) statement(ref registries.Image, image *v1.Descriptor, began time.Time, result contract.BuildResult) statement {
	external := map[string]any{"build": s.Facts.Build, "image": s.Image, "steps": s.Facts.Images}
	if s.Facts.Template != "" {
		external["template"], external["arguments"] = s.Facts.Template, s.Facts.Arguments
	}
	return about(ref, image, predicateSLSA, predicate{
		Definition: definition{BuildType: buildType, External: external, Dependencies: s.dependencies(result)},
		Run: run{
			Builder: map[string]string{"id": builderID},
			Metadata: map[string]string{
				"invocationId": s.Facts.Inputs, "finishedOn": began.UTC().Format(time.RFC3339),
			},
		},
	})
}

// dependencies are what the image was made from, each by what names it for good.
func (s Step) dependencies(result contract.BuildResult) []dependency {
	var out []dependency
	for _, source := range s.Facts.Sources {
		source = s.found(source)
		d := dependency{URI: source.URI, Name: source.Name, Digest: map[string]string{}}
		if source.Commit != "" {
			d.Digest["gitCommit"] = source.Commit
		}
		if source.Tree != "" {
			d.Digest["gitTree"] = source.Tree
		}
		if source.Path != "" {
			d.URI += "#" + source.Path
		}
		out = append(out, d)
	}
	if result.Base != "" {
		name, digest, _ := strings.Cut(result.Base, "@sha256:")
		out = append(out, dependency{URI: name, Name: "base", Digest: map[string]string{"sha256": digest}})
	}
	return out
}

// found adds what fetch has found out about a source.
func (s Step) found(source contract.BuildSource) contract.BuildSource {
	var found contract.BuildSource
	b, err := s.left(filepath.Base(contract.SourceFile(source.Name)))
	if err == nil && json.Unmarshal(b, &found) == nil && source.Commit == "" {
		source.Commit, source.Tree = found.Commit, found.Tree
	}
	return source
}
