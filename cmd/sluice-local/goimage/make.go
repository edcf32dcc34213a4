package goimage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-dev/sluice/runtime/build/compile"
	"github.com/sluice-dev/sluice/runtime/build/image"
)

// Keeper is where finished images go.
type Keeper interface {
	// Put stores an image under a full name and returns its digest.
	Put(name, source string, img v1.Image) (digest string, err error)
}

// FromSource compiles the main package in dir and keeps its image under name.
func FromSource(ctx context.Context, dir, name, source string, keep Keeper) (digest string, err error) {
	scratch, err := os.MkdirTemp("", "sluice-image-*")
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer os.RemoveAll(scratch)
	binary := filepath.Join(scratch, "app")
	if err := (compile.Program{Dir: dir}).Compile(ctx, binary); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return fromBinary(binary, scratch, name, source, keep)
}

// FromBinary keeps an image of a static binary under name.
func FromBinary(binary, name, source string, keep Keeper) (digest string, err error) {
	scratch, err := os.MkdirTemp("", "sluice-image-*")
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer os.RemoveAll(scratch)
	return fromBinary(binary, scratch, name, source, keep)
}

func fromBinary(binary, scratch, name, source string, keep Keeper) (string, error) {
	img, err := image.Alone(binary, scratch)
	if err != nil {
		return "", err
	}
	return keep.Put(name, source, img)
}
