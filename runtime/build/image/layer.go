package image

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is a layer in a file. It is not compressed: it travels from one folder
// of this machine to another, and compressing a large binary takes seconds.
type layer struct {
	path string
	size int64
	hash v1.Hash
}

var _ v1.Layer = (*layer)(nil)

// NewLayer writes an archive below scratch.
func NewLayer(scratch string, fill func(*tar.Writer) error) (v1.Layer, error) {
	f, err := os.CreateTemp(scratch, "layer-*.tar")
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	t := tar.NewWriter(buffered)
	err = errors.Join(fill(t), t.Close(), buffered.Flush())
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return nil, err
	}
	return &layer{
		path: f.Name(), size: info.Size(),
		hash: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))},
	}, nil
}

func (l *layer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *layer) Size() (int64, error)                 { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }
func (l *layer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
