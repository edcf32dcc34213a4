package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/singleflight"
	"golang.org/x/sys/unix"
)

// Annotations on the entries of the layout's index.
const (
	// annotationName is the full name of the image, tag or digest included.
	annotationName = "org.opencontainers.image.ref.name"
	// annotationSource is a hash of what the image was made from.
	annotationSource = "dev.sluice.source-hash"
)

// ErrNotFound says that an image is not in the store.
var ErrNotFound = errors.New("not in the registry")

// Config of a Store.
type Config struct {
	// Dir is the OCI image layout; it is made if it is not there.
	Dir string
	// Unpacked is where the files of images go, a directory per digest. A store
	// without it cannot Pull.
	Unpacked string
	// Alias is another name for Host, the host:port where Handler is served.
	Alias string
	// Make, if set, may make an image of ours that is pulled and not there; it
	// says whether it did.
	Make func(ctx context.Context, name string) (made bool, err error)
}

// Store is an image registry on disk. It is safe for concurrent use, also by
// several processes.
type Store struct {
	cfg     Config
	pulls   singleflight.Group
	uploads *uploads
}

// New opens the store and lays out what is missing.
func New(cfg Config) (*Store, error) {
	s := &Store{cfg: cfg, uploads: newUploads(filepath.Join(cfg.Dir, "uploads"))}
	if err := os.MkdirAll(s.blobDir(), 0o755); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	marker := filepath.Join(cfg.Dir, "oci-layout")
	if _, err := os.Stat(marker); err == nil {
		return s, nil
	}
	if err := writeFile(marker, []byte(`{"imageLayoutVersion": "1.0.0"}`)); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return s, nil
}

// Entry is one name in the store.
type Entry struct {
	// Name is the full name, Digest what it points to.
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Source is a hash of what the image was made from; "" where unknown.
	Source string `json:"source,omitempty"`
}

// List returns every name in order.
func (s *Store) List() ([]Entry, error) {
	index, err := s.readIndex()
	if err != nil {
		return nil, err
	}
	entries := []Entry{}
	for _, d := range index.Manifests {
		if n := d.Annotations[annotationName]; n != "" {
			entries = append(entries, Entry{Name: n, Digest: d.Digest.String(), Source: d.Annotations[annotationSource]})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// Lookup returns the entry of a full name as List gives it.
func (s *Store) Lookup(name string) (Entry, error) {
	all, err := s.List()
	if err != nil {
		return Entry{}, err
	}
	if i := slices.IndexFunc(all, func(e Entry) bool { return e.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Entry{}, fmt.Errorf("%s: %w", name, ErrNotFound)
}

// descriptor finds what a name points to.
func (s *Store) descriptor(name string) (v1.Descriptor, error) {
	index, err := s.readIndex()
	if err != nil {
		return v1.Descriptor{}, err
	}
	i := slices.IndexFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Annotations[annotationName] == name })
	if i < 0 {
		return v1.Descriptor{}, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return index.Manifests[i], nil
}

// name points a full name at a manifest whose blobs are stored already.
func (s *Store) name(name, source string, d v1.Descriptor) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	index, err := s.readIndex()
	if err != nil {
		return err
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(old v1.Descriptor) bool { return old.Annotations[annotationName] == name })
	d.Annotations = map[string]string{annotationName: name}
	if source != "" {
		d.Annotations[annotationSource] = source
	}
	index.Manifests = append(index.Manifests, d)
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("registry: index: %w", err)
	}
	return writeFile(s.indexFile(), text)
}

func (s *Store) indexFile() string { return filepath.Join(s.cfg.Dir, "index.json") }

// readIndex needs no lock: the file is only ever replaced whole.
func (s *Store) readIndex() (*v1.IndexManifest, error) {
	index := &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	text, err := os.ReadFile(s.indexFile())
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err == nil {
		err = json.Unmarshal(text, index)
	}
	if err != nil {
		return nil, fmt.Errorf("registry: %s: %w", s.indexFile(), err)
	}
	return index, nil
}

// lock keeps other processes from changing the index.
func (s *Store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.cfg.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("registry: lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("registry: lock: %w", err)
	}
	return func() { f.Close() }, nil
}
