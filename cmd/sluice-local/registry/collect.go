package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Collected is what a collection removed.
type Collected struct {
	Names, Blobs, Unpacked int
	Bytes                  int64
}

// Collect removes what nobody needs any more: manifests that no tag names and
// no digest in use, what they alone consist of, and the unpacked files of
// them. used are the digests, as sha256:..., that the cluster runs. What is
// younger than age stays: it may be on its way to being used.
func (s *Store) Collect(used map[string]bool, age time.Duration) (Collected, error) {
	unlock, err := s.lock()
	if err != nil {
		return Collected{}, err
	}
	defer unlock()
	index, err := s.readIndex()
	if err != nil {
		return Collected{}, err
	}
	before := time.Now().Add(-age)
	young := func(h v1.Hash) bool {
		info, err := os.Stat(s.blobFile(h))
		return err == nil && info.ModTime().After(before)
	}
	live := map[v1.Hash]bool{}
	for _, d := range index.Manifests {
		if name := d.Annotations[annotationName]; isTag(name) && !isReferrers(name) || used[d.Digest.String()] || young(d.Digest) {
			s.mark(d.Digest, live)
		}
	}
	for digest := range used {
		if h, err := parseDigest(digest); err == nil && s.hasBlob(h) {
			s.mark(h, live)
		}
	}
	for _, d := range index.Manifests { // records beside an image stay as long as the image
		if subject, ok := referrersOf(d.Annotations[annotationName]); ok && live[subject] {
			s.mark(d.Digest, live)
		}
	}
	var out Collected
	kept := slices.DeleteFunc(slices.Clone(index.Manifests), func(d v1.Descriptor) bool { return !live[d.Digest] })
	if out.Names = len(index.Manifests) - len(kept); out.Names > 0 {
		index.Manifests = kept
		text, err := json.MarshalIndent(index, "", "  ")
		if err != nil {
			return out, err
		}
		if err := writeFile(s.indexFile(), text); err != nil {
			return out, err
		}
	}
	return out, errors.Join(s.sweepBlobs(live, before, &out), s.sweepUnpacked(live, before, &out))
}

// isTag tells `local.dev/app:v1` from `local.dev/app@sha256:...`.
func isTag(name string) bool { return name != "" && !strings.Contains(name, "@") }

func isReferrers(name string) bool { _, ok := referrersOf(name); return ok }

// referrersOf is the image that a tag lists the records of: sha256-HEX.
func referrersOf(name string) (v1.Hash, bool) {
	_, hex, ok := strings.Cut(name, ":sha256-")
	if !ok || strings.Contains(name, "@") {
		return v1.Hash{}, false
	}
	h, err := v1.NewHash("sha256:" + hex)
	return h, err == nil
}

// mark follows a manifest to all that it consists of.
func (s *Store) mark(h v1.Hash, live map[v1.Hash]bool) {
	if live[h] {
		return
	}
	live[h] = true
	raw, err := os.ReadFile(s.blobFile(h))
	if err != nil {
		return
	}
	var m struct {
		Config    *v1.Descriptor
		Layers    []v1.Descriptor
		Manifests []v1.Descriptor
	}
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	for _, d := range m.Manifests {
		s.mark(d.Digest, live)
	}
	for _, d := range m.Layers {
		live[d.Digest] = true
	}
	if m.Config != nil {
		live[m.Config.Digest] = true
	}
}

// sweepBlobs removes blobs that are neither live nor young.
func (s *Store) sweepBlobs(live map[v1.Hash]bool, before time.Time, out *Collected) error {
	entries, err := os.ReadDir(s.blobDir())
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	var errs []error
	for _, e := range entries {
		h, err := v1.NewHash("sha256:" + e.Name())
		info, statErr := e.Info()
		if err != nil || statErr != nil || live[h] || info.ModTime().After(before) {
			continue
		}
		if err := os.Remove(s.blobFile(h)); err != nil {
			errs = append(errs, err)
			continue
		}
		out.Blobs++
		out.Bytes += info.Size()
	}
	return errors.Join(errs...)
}

// sweepUnpacked removes the files of images that are gone. The folder's name
// goes first, so that nobody takes half of it for an image.
func (s *Store) sweepUnpacked(live map[v1.Hash]bool, before time.Time, out *Collected) error {
	entries, err := os.ReadDir(s.cfg.Unpacked)
	if errors.Is(err, fs.ErrNotExist) || s.cfg.Unpacked == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	var errs []error
	for _, e := range entries {
		h, err := v1.NewHash("sha256:" + e.Name())
		info, statErr := e.Info()
		if err != nil || statErr != nil || live[h] || info.ModTime().After(before) {
			continue
		}
		dir := filepath.Join(s.cfg.Unpacked, e.Name())
		gone := filepath.Join(s.cfg.Unpacked, ".unpacking-gone-"+e.Name())
		if err := errors.Join(os.Rename(dir, gone), os.RemoveAll(gone)); err != nil {
			errs = append(errs, err)
			continue
		}
		out.Unpacked++
	}
	return errors.Join(errs...)
}
