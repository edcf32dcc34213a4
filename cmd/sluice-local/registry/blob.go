package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func (s *Store) blobDir() string { return filepath.Join(s.cfg.Dir, "blobs", "sha256") }

// blobFile is where a blob is; the digest is well-formed, so it cannot lead
// elsewhere.
func (s *Store) blobFile(h v1.Hash) string { return filepath.Join(s.blobDir(), h.Hex) }

// parseDigest accepts sha256 digests only.
func parseDigest(text string) (v1.Hash, error) {
	h, err := v1.NewHash(text)
	if err != nil {
		return h, err
	}
	if h.Algorithm != "sha256" {
		return h, fmt.Errorf("digest %q: only sha256 is known here", text)
	}
	return h, nil
}

func (s *Store) hasBlob(h v1.Hash) bool {
	_, err := os.Stat(s.blobFile(h))
	return err == nil
}

// writeBlob stores what r yields if its digest is as promised.
func (s *Store) writeBlob(want v1.Hash, r io.Reader) error {
	if s.hasBlob(want) {
		return nil
	}
	tmp, err := os.CreateTemp(s.blobDir(), ".new-*")
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	defer os.Remove(tmp.Name())
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(tmp, sum), r)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("blob %s: %w", want, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Hex {
		return fmt.Errorf("blob %s: %w: it is sha256:%s", want, errDigest, got)
	}
	return os.Rename(tmp.Name(), s.blobFile(want))
}

// errDigest says that content is not what its digest promises.
var errDigest = errors.New("content does not match the digest")

// readBlob returns a small blob (a manifest, a config), checked.
func (s *Store) readBlob(h v1.Hash) ([]byte, error) {
	text, err := os.ReadFile(s.blobFile(h))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", h, err)
	}
	if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != h.Hex {
		return nil, fmt.Errorf("blob %s: %w; remove %s and push the image again", h, errDigest, s.blobFile(h))
	}
	return text, nil
}

// writeFile replaces a file whole.
func writeFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
