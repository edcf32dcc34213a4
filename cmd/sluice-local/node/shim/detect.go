package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Detect finds the best mode that this machine permits, by trying each below
// dir. The error says why a better one than the returned was refused; it is
// nil for Overlay.
func Detect(dir string) (Mode, error) {
	var refused error
	for _, mode := range []Mode{Overlay, Copy} {
		err := try(mode, filepath.Join(dir, "detect-"+string(mode)))
		if err == nil {
			return mode, refused
		}
		refused = errors.Join(refused, fmt.Errorf("%s: %w", mode, err))
	}
	return Bare, refused
}

// try makes an empty root in the given mode.
func try(mode Mode, dir string) error {
	defer Remove(dir)
	image := filepath.Join(dir, "image")
	if err := os.MkdirAll(image, 0o755); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	k, err := NewKeeper(mode, "")
	if err != nil {
		return err
	}
	defer k.Close()
	spec := Spec{Dir: filepath.Join(dir, "container"), Lower: image, Hostname: "detect"}
	if err := os.MkdirAll(spec.Merged(), 0o755); err != nil {
		return err
	}
	p, err := k.Start(spec, null, null, null)
	if err != nil {
		return err
	}
	<-p.Done()
	return nil
}
