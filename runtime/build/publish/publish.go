package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/runtime/build/sign"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Step is `sluice build push`.
type Step struct {
	// Image is where it goes; empty if the build makes none.
	Image string
	// Dir is contract.DirImage: where steps leave an image or a digest.
	Dir string
	// Facts are of the build.
	Facts contract.BuildFacts
	// Registries says where registries answer.
	Registries registries.Table
	// Key signs the image; nil leaves it without a signature.
	Key *sign.Key
	// Now is the time, for the record.
	Now func() time.Time
	// Say tells people what is going on.
	Say func(format string, args ...any)
}

// Run publishes and says what.
func (s Step) Run(ctx context.Context) (contract.BuildResult, error) {
	if s.Image == "" {
		s.Say("the build names no image")
		return contract.BuildResult{}, nil
	}
	ref, err := s.Registries.Find(s.Image)
	if err != nil {
		return contract.BuildResult{}, err
	}
	began := s.Now()
	pushed, err := s.push(ctx, ref)
	if err != nil {
		return contract.BuildResult{}, err
	}
	result := contract.BuildResult{Image: ref.At(pushed.Digest.String()), Base: baseOf(pushed)}
	if err := s.attachAll(ctx, ref, pushed, began, result); err != nil {
		return contract.BuildResult{}, fmt.Errorf("record of %s: %w", result.Image, err)
	}
	if s.Key != nil {
		if err := s.Key.Image(ctx, ref, pushed.Digest); err != nil {
			return contract.BuildResult{}, fmt.Errorf("sign %s: %w", result.Image, err)
		}
		s.Say("signed %s", result.Image)
	}
	s.Say("published %s", result.Image)
	return result, nil
}

// push brings the image to its registry, unless a step has done so.
func (s Step) push(ctx context.Context, ref registries.Image) (*v1.Descriptor, error) {
	img, err := fromLayout(filepath.Join(s.Dir, filepath.Base(contract.DirLayout)))
	if err != nil {
		return nil, err
	}
	if img != nil {
		if err := remote.Write(ref.Reached, img, ref.Options(ctx)...); err != nil {
			return nil, fmt.Errorf("push %s: %w", s.Image, err)
		}
		return describe(img)
	}
	at := ref.Reached
	digest, err := s.left(filepath.Base(contract.FileDigest))
	switch {
	case err == nil:
		named, err := v1.NewHash(strings.TrimSpace(string(digest)))
		if err != nil { // the text may be anything, so it is not repeated
			return nil, fmt.Errorf("what the steps left in %s is no digest: want sha256: and 64 digits", contract.FileDigest)
		}
		at = ref.Reached.Context().Digest(named.String())
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	found, err := remote.Get(at, ref.Options(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("no step left an image to push, and %s is not in its registry: %w", s.Image, err)
	}
	return &found.Descriptor, nil
}

// fromLayout is the one image of a layout; nil if there is no layout.
func fromLayout(dir string) (v1.Image, error) {
	if err := onlyFiles(dir); err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("what the steps left to push: %w", err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("what the steps left to push: %w", err)
	}
	if len(m.Manifests) != 1 {
		return nil, fmt.Errorf("the steps left %d images to push: want one", len(m.Manifests))
	}
	return index.Image(m.Manifests[0].Digest)
}

// describe is an image's descriptor, with the annotations of its manifest.
func describe(img v1.Image) (*v1.Descriptor, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	size, err := img.Size()
	return &v1.Descriptor{MediaType: m.MediaType, Digest: digest, Size: size, Annotations: m.Annotations}, err
}

// baseOf is the image below, where the image says so.
func baseOf(d *v1.Descriptor) string {
	name, digest := d.Annotations["org.opencontainers.image.base.name"], d.Annotations["org.opencontainers.image.base.digest"]
	if digest == "" {
		return ""
	}
	return withoutTag(name) + "@" + digest
}

func withoutTag(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// Tell writes a result where Kubernetes takes the termination message from.
func Tell(path string, r contract.BuildResult) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
