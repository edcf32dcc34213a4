package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Put stores an image under a full name (see LocalName) and returns its digest.
// source, which may be "", is a hash of what the image was made from.
func (s *Store) Put(name, source string, img v1.Image) (digest string, err error) {
	layers, err := img.Layers()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	for _, layer := range layers {
		if err := s.putLayer(layer); err != nil {
			return "", fmt.Errorf("%s: layer: %w", name, err)
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return "", fmt.Errorf("%s: config: %w", name, err)
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return "", fmt.Errorf("%s: manifest: %w", name, err)
	}
	for _, blob := range [][]byte{config, manifest} {
		h, _, err := v1.SHA256(bytes.NewReader(blob))
		if err != nil {
			return "", err
		}
		if err := s.writeBlob(h, bytes.NewReader(blob)); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	d, err := partial.Descriptor(img)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return d.Digest.String(), s.name(name, source, *d)
}

func (s *Store) putLayer(layer v1.Layer) error {
	h, err := layer.Digest()
	if err != nil {
		return err
	}
	if s.hasBlob(h) {
		return nil
	}
	r, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	return s.writeBlob(h, r)
}

// image opens a stored image; of an index the one for this machine.
func (s *Store) image(h v1.Hash) (v1.Image, v1.Hash, error) {
	raw, err := s.readBlob(h)
	if err != nil {
		return nil, h, err
	}
	if mediaType(raw).IsIndex() {
		var index v1.IndexManifest
		if err := json.Unmarshal(raw, &index); err != nil {
			return nil, h, fmt.Errorf("index %s: %w", h, err)
		}
		for _, d := range index.Manifests {
			if p := d.Platform; p != nil && p.OS == runtime.GOOS && p.Architecture == runtime.GOARCH {
				return s.image(d.Digest)
			}
		}
		return nil, h, fmt.Errorf("index %s: has no image for %s/%s", h, runtime.GOOS, runtime.GOARCH)
	}
	img, err := partial.CompressedToImage(&stored{store: s, manifest: raw})
	return img, h, err
}

// mediaType reads a manifest's own idea of what it is.
func mediaType(manifest []byte) types.MediaType {
	var m struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	_ = json.Unmarshal(manifest, &m) // what cannot be read has no type of its own
	switch {
	case m.MediaType != "":
		return m.MediaType
	case m.Manifests != nil:
		return types.OCIImageIndex
	}
	return types.OCIManifestSchema1
}

// stored is an image whose blobs are files.
type stored struct {
	store    *Store
	manifest []byte
}

func (i *stored) RawManifest() ([]byte, error)        { return i.manifest, nil }
func (i *stored) MediaType() (types.MediaType, error) { return mediaType(i.manifest), nil }

func (i *stored) RawConfigFile() ([]byte, error) {
	m, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	return i.store.readBlob(m.Config.Digest)
}

func (i *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	m, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	for _, d := range append(m.Layers, m.Config) {
		if d.Digest == h {
			return &storedLayer{path: i.store.blobFile(h), d: d}, nil
		}
	}
	return nil, fmt.Errorf("layer %s: not of this image", h)
}

type storedLayer struct {
	path string
	d    v1.Descriptor
}

func (l *storedLayer) Digest() (v1.Hash, error)            { return l.d.Digest, nil }
func (l *storedLayer) Size() (int64, error)                { return l.d.Size, nil }
func (l *storedLayer) MediaType() (types.MediaType, error) { return l.d.MediaType, nil }
func (l *storedLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }
