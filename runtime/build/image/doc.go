// Package image makes an image of one static binary, alone or on a base.
//
// # In
//
// A binary; an image below it, or none.
//
// # Out
//
// An image whose bytes depend only on what went in: the program, the base, or
// without one this machine's CA certificates.
//
// # Reads
//
// image.go, layer.go.
package image
