package shim

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Remove deletes a container's directory, whatever modes its processes and the
// overlay gave to what is in it.
func Remove(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
