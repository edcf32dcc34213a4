package lastgood

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
)

// archive is a commit with the contents of its manifests.
type archive struct {
	Snapshot git.Snapshot `json:"snapshot"`
	// Blobs are the contents by their hash.
	Blobs map[string][]byte `json:"blobs"`
}

// maxPacked is how large the packed archive may be: an object of the API
// server's holds 1 MiB, in base64. maxUnpacked bounds what is read back.
const (
	maxPacked   = 700 << 10
	maxUnpacked = 256 << 20
)

func (a archive) pack() ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(a); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() > maxPacked {
		return nil, fmt.Errorf("%d bytes packed, more than the %d that the cluster can keep", b.Len(), maxPacked)
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) (archive, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return archive{}, err
	}
	var a archive
	err = json.NewDecoder(io.LimitReader(z, maxUnpacked)).Decode(&a)
	return a, err
}

// isManifest reports whether the loader may want the file's content.
func isManifest(f git.Entry) bool {
	if !f.Mode.IsFile() || f.Size > maxFile {
		return false
	}
	for _, suffix := range []string{".yaml", ".yml", ".json"} {
		if strings.HasSuffix(f.Path, suffix) {
			return !strings.HasPrefix(f.Path, ".") && !strings.Contains(f.Path, "/.")
		}
	}
	return false
}

// maxFile is the loader's own limit on a file.
const maxFile = 1 << 20
