package unpack

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Limits of what an image may unpack to.
const (
	maxFiles = 1_000_000
	maxBytes = 32 << 30
)

// Whiteouts, as the OCI image specification has them.
const (
	whiteout       = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// unpacker writes layers one over the other below root. Nothing it writes,
// removes or links can be outside: every directory is resolved within root,
// symbolic links included.
type unpacker struct {
	root  string
	files int
	bytes int64
	// own are the paths the current layer has written and the directories above
	// them; an opaque directory hides only what lower layers have put there.
	own map[string]bool
}

// layer unpacks one layer, whose content has the digest want.
func (u *unpacker) layer(layer v1.Layer, want v1.Hash) error {
	r, err := layer.Uncompressed()
	if err != nil {
		return fmt.Errorf("layer %s: %w", want, err)
	}
	defer r.Close()
	sum := sha256.New()
	tee := io.TeeReader(r, sum)
	u.own = map[string]bool{}
	if err := u.archive(tar.NewReader(tee)); err != nil {
		return fmt.Errorf("layer %s: %w", want, err)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // the checksum is of all of it
		return fmt.Errorf("layer %s: %w", want, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Hex {
		return fmt.Errorf("layer %s: %w", want, ErrDigest)
	}
	return nil
}

func (u *unpacker) archive(t *tar.Reader) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if u.files++; u.files > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

// entry writes one file of the archive.
func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if name == "" {
		return nil // the root itself
	}
	dir, base := path.Split(name)
	parent, err := u.directory(dir)
	if err != nil {
		return err
	}
	if strings.HasPrefix(base, whiteout) {
		return u.hide(parent, base)
	}
	at := filepath.Join(parent, base)
	for p := at; len(p) > len(u.root); p = filepath.Dir(p) {
		u.own[p] = true
	}
	if h.Typeflag == tar.TypeDir {
		return u.makeDir(at, h)
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
		return u.file(at, h, content)
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, at)
	case tar.TypeLink:
		return u.hardlink(at, h.Linkname)
	}
	return nil // devices and pipes: nothing that a process without root could have
}

// directory makes a directory of the image and returns where it really is.
func (u *unpacker) directory(name string) (string, error) {
	at, err := securejoin.SecureJoin(u.root, name)
	if err != nil {
		return "", err
	}
	err = os.MkdirAll(at, 0o755)
	return at, err
}

// makeDir keeps a directory that is there already. Directories stay writable
// for the owner, or nothing could be put in them.
func (u *unpacker) makeDir(at string, h *tar.Header) error {
	if info, err := os.Lstat(at); err != nil || !info.IsDir() {
		if err := os.RemoveAll(at); err != nil {
			return err
		}
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
	}
	return os.Chmod(at, h.FileInfo().Mode().Perm()|0o700|h.FileInfo().Mode()&fs.ModeSticky)
}

// file writes a regular file. It never is setuid: it belongs to this user, not
// to the image's.
func (u *unpacker) file(at string, h *tar.Header, content io.Reader) error {
	if u.bytes += h.Size; u.bytes > maxBytes {
		return fmt.Errorf("the image is larger than %d GiB", maxBytes>>30)
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(h.FileInfo().Mode().Perm()), f.Close())
}

func (u *unpacker) hardlink(at, to string) error {
	dir, base := path.Split(path.Clean("/" + to))
	parent, err := securejoin.SecureJoin(u.root, dir)
	if err != nil {
		return err
	}
	return os.Link(filepath.Join(parent, base), at)
}

// hide applies a whiteout: one name, or everything that lower layers have put
// in a directory.
func (u *unpacker) hide(parent, base string) error {
	if base != whiteoutOpaque {
		name := strings.TrimPrefix(base, whiteout)
		if name == "" || name == "." || name == ".." {
			return errors.New("whiteout of no name")
		}
		return os.RemoveAll(filepath.Join(parent, name))
	}
	return u.hideLower(parent)
}

func (u *unpacker) hideLower(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := filepath.Join(dir, e.Name())
		switch {
		case !u.own[at]:
			err = os.RemoveAll(at)
		case e.IsDir():
			err = u.hideLower(at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
