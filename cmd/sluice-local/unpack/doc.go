// Package unpack turns images into files, whoever made them.
//
// # In
//
// An image and a folder that is to be.
//
// # Out
//
// The image's files: layers over one another, whiteouts applied, every layer
// checked against the image's config. Nothing is ever written, linked or removed
// outside the folder. No file is setuid, and devices are left out.
//
// # Reads
//
// unpack.go, then layers.go.
package unpack
