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
// make.go; how a program is compiled and put into an image is the platform's
// own way, runtime/build/compile and image. builder.go makes the images that
// builds in the cluster run in, from what is installed on this machine.
package goimage
