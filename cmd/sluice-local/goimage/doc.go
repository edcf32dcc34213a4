// Package goimage makes images from Go programs: one static binary in an
// otherwise empty image.
//
// # In
//
// A folder with a Go main package, or a binary that is there already.
//
// # Out
//
// An image whose bytes depend only on what went in: the program, this machine's
// CA certificates, and the Go version.
//
// # Reads
//
// build.go (source to binary), image.go (binary to image), layer.go.
package goimage
