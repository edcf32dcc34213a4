// Package compile makes an image of a Go main package: a static binary, built
// so that equal sources give equal bytes.
//
// # In
//
// A folder with a module, a package of it; the Go toolchain on PATH.
//
// # Out
//
// The binary; with [Run], an OCI layout of its image beside its bill of
// materials.
//
// # Trust
//
// Nothing of the source runs: no cgo, no generators, no toolchain that the
// source names. So the caches, which later builds trust, are written by the go
// command alone.
//
// # Reads
//
// run.go, build.go; sbom.go.
package compile
