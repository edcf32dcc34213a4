package install

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/goimage"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
)

// tagLength is how much of the binary's hash its tag shows.
const tagLength = 12

// FindSluice returns the path of the sluice binary: the one named, or the one
// beside this program.
func FindSluice(named string) (string, error) {
	path := named
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("sluice: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), "sluice")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sluice: %w", err)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: there is no sluice binary; build it with `make build`, or name it with --sluice FILE", path)
	}
	return path, nil
}

// image makes an image of the binary unless there is one already, and returns
// its name, whose tag is the binary's hash.
func image(binary string, images *registry.Store) (string, error) {
	hash, err := fileHash(binary)
	if err != nil {
		return "", err
	}
	name, err := registry.LocalName("sluice:" + hash[:tagLength])
	if err != nil {
		return "", err
	}
	_, err = images.Lookup(name)
	if errors.Is(err, registry.ErrNotFound) {
		_, err = goimage.FromBinary(binary, name, hash, images)
	}
	return name, err
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
