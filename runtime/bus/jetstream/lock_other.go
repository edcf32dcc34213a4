//go:build !unix

package jetstream

import "os"

// lockFile opens a file; this system has no lock that ends with its process.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
