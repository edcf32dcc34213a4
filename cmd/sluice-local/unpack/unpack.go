package unpack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// unfinished begins the name of a folder that is being filled.
const unfinished = ".unpacking-"

// ErrDigest says that a layer is not what the image's config promises.
var ErrDigest = errors.New("content does not match the digest")

// To unpacks an image into root, which must not be there. It comes into being
// whole: a root that is there is complete.
func To(root string, img v1.Image) error {
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(root), unfinished+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := layers(tmp, img); err != nil {
		return err
	}
	return os.Rename(tmp, root)
}

func layers(root string, img v1.Image) error {
	all, err := img.Layers()
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	if len(all) != len(config.RootFS.DiffIDs) {
		return fmt.Errorf("has %d layers, its config %d", len(all), len(config.RootFS.DiffIDs))
	}
	u := &unpacker{root: root}
	for i, layer := range all {
		if err := u.layer(layer, config.RootFS.DiffIDs[i]); err != nil {
			return err
		}
	}
	return nil
}

// Tidy removes from dir what a killed process left unfinished.
func Tidy(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	for _, d := range left {
		err = errors.Join(err, os.RemoveAll(d))
	}
	return err
}
