package publish

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluice-dev/sluice/runtime/build/registries"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Media types of what is attached.
const (
	typeSPDX   = "application/spdx+json"
	typeInToto = "application/vnd.in-toto+json"
)

// sbomFile is what compile leaves; any step may.
const sbomFile = "sbom.spdx.json"

// attachAll attaches the bill of materials, if there is one, and the provenance.
func (s Step) attachAll(ctx context.Context, ref registries.Image, image *v1.Descriptor, began time.Time, result contract.BuildResult) error {
	sbom, err := s.left(sbomFile)
	switch {
	case err == nil:
		if err := attach(ctx, ref, image, typeSPDX, sbom); err != nil {
			return err
		}
		if err := s.attest(ctx, ref, image, about(ref, image, predicateSPDX, json.RawMessage(sbom))); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	provenance := s.statement(ref, image, began, result)
	text, err := json.Marshal(provenance)
	if err != nil {
		return err
	}
	if err := attach(ctx, ref, image, typeInToto, text); err != nil {
		return err
	}
	return s.attest(ctx, ref, image, provenance)
}

// attest signs a statement, where there is a key.
func (s Step) attest(ctx context.Context, ref registries.Image, image *v1.Descriptor, what statement) error {
	if s.Key == nil {
		return nil
	}
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return s.Key.Attest(ctx, ref, image.Digest, what.PredicateType, text)
}

// attach pushes a document that refers to the image. Registries without the
// referrers API keep the list under the tag that the specification names.
func attach(ctx context.Context, ref registries.Image, image *v1.Descriptor, kind types.MediaType, document []byte) error {
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, kind)
	img, err := mutate.AppendLayers(img, static.NewLayer(document, kind))
	if err != nil {
		return err
	}
	subject := v1.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size}
	attached, ok := mutate.Subject(img, subject).(v1.Image)
	if !ok {
		return errors.New("an image with a subject is no image any more")
	}
	digest, err := attached.Digest()
	if err != nil {
		return err
	}
	return remote.Write(ref.Reached.Context().Digest(digest.String()), attached, ref.Options(ctx)...)
}
