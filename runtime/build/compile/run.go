package compile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/runtime/build/image"
	"github.com/sluice-dev/sluice/runtime/build/registries"
)

// Annotations of an image that say what it stands on.
const (
	annotationBaseName   = "org.opencontainers.image.base.name"
	annotationBaseDigest = "org.opencontainers.image.base.digest"
)

// Step is `sluice build go`.
type Step struct {
	Program
	// Base is the image below the program; empty is none.
	Base string
	// Layout is where the image goes, Cache where compiled packages and
	// modules stay.
	Layout, Cache string
	// Say tells people what is going on.
	Say func(format string, args ...any)
}

// Run compiles, and leaves the image and its bill of materials.
func (s Step) Run(ctx context.Context) error {
	if err := s.harmless(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(s.Layout), "go-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	s.Env = append(s.Env, "GOENV=off", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", "GOTMPDIR="+scratch,
		"GOCACHE="+filepath.Join(s.Cache, "go-build"), "GOMODCACHE="+filepath.Join(s.Cache, "go-mod"))
	binary := filepath.Join(scratch, "app")
	began := time.Now()
	if err := s.Compile(ctx, binary); err != nil {
		return err
	}
	s.Say("compiled in %s", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	img, err := s.image(ctx, binary, scratch)
	if err != nil {
		return err
	}
	if err := WriteLayout(s.Layout, img); err != nil {
		return err
	}
	if err := writeSBOM(binary, filepath.Join(filepath.Dir(s.Layout), SBOMFile)); err != nil {
		return err
	}
	s.Say("image made in %s", time.Since(began).Round(time.Millisecond))
	return nil
}

// image puts the program on its base, whose digest is recorded with it.
func (s Step) image(ctx context.Context, binary, scratch string) (v1.Image, error) {
	if s.Base == "" {
		return image.Alone(binary, scratch)
	}
	ref, err := registries.FromEnv().Find(s.Base)
	if err != nil {
		return nil, err
	}
	base, err := remote.Image(ref.Reached, ref.Options(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("base image %s: %w", s.Base, err)
	}
	digest, err := base.Digest()
	if err != nil {
		return nil, fmt.Errorf("base image %s: %w", s.Base, err)
	}
	img, err := image.On(base, binary, scratch)
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(img, map[string]string{annotationBaseName: ref.Written.Name(), annotationBaseDigest: digest.String()}).(v1.Image)
	if !ok {
		return nil, errors.New("an image with annotations is no image any more")
	}
	return annotated, nil
}

// WriteLayout makes an OCI layout with one image.
func WriteLayout(dir string, img v1.Image) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(img)
}

// harmless refuses arguments that would have the go command or the linker run
// a program of the source's.
func (s Step) harmless() error {
	if strings.HasPrefix(s.Package, "-") {
		return fmt.Errorf("package %q: want a package, as ./cmd/app", s.Package)
	}
	words := strings.Fields(s.Ldflags)
	for i := 0; i < len(words); i++ {
		switch {
		case words[i] == "-X":
			i++
		case !strings.HasPrefix(words[i], "-X="):
			return fmt.Errorf("ldflags %q: want -X NAME=VALUE and nothing else", s.Ldflags)
		}
	}
	return nil
}
