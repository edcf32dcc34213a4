package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// This container sees what no step does: the key that signs. A step could
// leave a symbolic link to it and have it published, so nothing that steps
// left is read through a link out of their folder.

// left reads a file that steps left behind.
func (s Step) left(name string) ([]byte, error) {
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(name)
}

// onlyFiles refuses a layout that holds anything but files and folders. One
// that is not there holds nothing.
func onlyFiles(dir string) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !e.Type().IsRegular() {
			return fmt.Errorf("what the steps left to push: %s is neither a file nor a folder", path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
