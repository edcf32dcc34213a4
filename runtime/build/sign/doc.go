// Package sign says with a key that an image is what a build made, in the form
// that cosign verifies.
//
// # In
//
// The folder of a Secret with cosign.key, and cosign.password if that is
// encrypted; the digest of an image that is in its registry.
//
// # Out
//
// The tag sha256-DIGEST.sig beside the image: a signature per layer, those of
// others kept. No error holds anything of the key.
//
// # Reads
//
// key.go, sealed.go, sign.go.
package sign
