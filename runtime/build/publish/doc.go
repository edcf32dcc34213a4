// Package publish is the last container of a build: it pushes what the steps
// left behind, records beside it how it was made, and says which image there
// is now.
//
// # In
//
// An OCI layout, or a digest that a step has pushed itself, or neither: then
// the registry is asked. contract.BuildFacts; a bill of materials, if a step
// wrote one.
//
// # Out
//
// The image; its SPDX bill of materials and SLSA provenance as referrers; a
// contract.BuildResult as the termination message.
//
// # Reads
//
// publish.go, left.go, attach.go, provenance.go.
package publish
