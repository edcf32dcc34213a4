package git

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	// inflated objects remembered by go-git, mostly the bases of deltas.
	objectCacheSize = 8 * cache.MiByte
	// what our own caches remember, in tree entries.
	entriesRemembered = 60_000
	// the largest tree and commit objects that are looked at, in bytes.
	maxTree   = 16 << 20
	maxCommit = 4 << 20
	// how often a read is tried while git rearranges its files under us.
	readAttempts = 4
)

// database is the objects of one repository: those of a repository on this
// machine, or of our clone of a remote.
//
// Git may add, repack and delete files at any time while we read. Objects
// never change, so whenever something is not where it was, the files are
// opened afresh and the read is done again.
type database struct {
	// root opens the folder with objects and refs; a new one each time the
	// database is opened.
	root   func() billy.Filesystem
	limits Limits

	// mu guards all below, and is held while reading: go-git's storages are
	// not for use by several goroutines.
	mu      sync.Mutex
	store   *filesystem.Storage
	packs   []plumbing.Hash
	objects cache.Object
	nodes   *memo[plumbing.Hash, []node]
	lists   *memo[plumbing.Hash, listing]
	blobs   *memo[plumbing.Hash, blob]
	partial bool
}

// blob is what a listing says of a blob.
type blob struct {
	hash string
	size int64
}

func newDatabase(root func() billy.Filesystem, limits Limits) *database {
	return &database{
		root:    root,
		limits:  limits,
		objects: cache.NewObjectLRU(objectCacheSize),
		nodes:   newMemo[plumbing.Hash](entriesRemembered, func(n []node) int { return len(n) }),
		lists:   newMemo[plumbing.Hash](entriesRemembered, func(l listing) int { return len(l.entries) }),
		blobs:   newMemo[plumbing.Hash](entriesRemembered, func(blob) int { return 0 }),
	}
}

// read runs f on the opened storage, and again on a newly opened one if the
// first failed because files had moved.
func (d *database) read(f func(*filesystem.Storage) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	for range readAttempts {
		d.open()
		if err = f(d.store); err == nil || !d.worthAnotherTry(err) {
			break
		}
		d.shut()
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return fmt.Errorf("%w: %w", ErrNoObject, err)
	}
	return err
}

func (d *database) open() {
	if d.store != nil {
		return
	}
	d.store = filesystem.NewStorageWithOptions(d.root(), d.objects, filesystem.Options{
		KeepDescriptors: true,
		AlternatesFS:    osfs.New("/"),
	})
	d.packs = d.packsNow()
}

func (d *database) shut() {
	if d.store != nil {
		_ = d.store.Close() // only read from
		d.store = nil
	}
}

func (d *database) packsNow() []plumbing.Hash {
	packs, err := d.store.ObjectPacks()
	if err != nil {
		return nil
	}
	plumbing.HashesSort(packs)
	return packs
}

// worthAnotherTry tells a file that moved from an object that is not there,
// and from a verdict of our own.
func (d *database) worthAnotherTry(err error) bool {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return !slices.Equal(d.packs, d.packsNow())
	}
	return !errors.Is(err, ErrLimit)
}

// close ends the use of files; the next read opens them again.
func (d *database) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut()
}

// blob reads a blob of at most so many bytes, whose size is asked first.
func (d *database) blob(hash plumbing.Hash, most int64) (content []byte, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		content, err = contentOf(s, plumbing.BlobObject, hash, most)
		return err
	})
	if errors.Is(err, ErrNoObject) && d.leftOut(hash) {
		err = limit("blob %s is so large that it was not fetched, at most %d bytes are", hash, d.limits.Blob)
	}
	return content, err
}

// leftOut reports whether the remote was told to keep a blob for its size.
func (d *database) leftOut(hash plumbing.Hash) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, listed := d.blobs.get(hash)
	return d.partial && listed && b.size > d.limits.Blob
}

// commit reads one commit.
func (d *database) commit(hash plumbing.Hash) (c *object.Commit, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		c, err = commitOf(s, hash)
		return err
	})
	return c, err
}

// has reports whether an object is there.
func (d *database) has(hash plumbing.Hash) bool {
	return d.read(func(s *filesystem.Storage) error {
		_, err := sizeOf(s, hash)
		return err
	}) == nil
}

func commitOf(s *filesystem.Storage, hash plumbing.Hash) (*object.Commit, error) {
	size, err := sizeOf(s, hash)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	if size > maxCommit {
		return nil, limit("commit %s is %d bytes long, at most %d are read", hash, size, maxCommit)
	}
	c, err := object.GetCommit(s, hash)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	return c, nil
}

// sizeOf is the size of an object, without inflating it where that is known.
func sizeOf(s *filesystem.Storage, hash plumbing.Hash) (int64, error) {
	size, err := s.EncodedObjectSize(hash)
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return size, err
	}
	// Borrowed from another repository (objects/info/alternates): only this
	// call looks there.
	o, err := s.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return 0, err
	}
	return o.Size(), nil
}

func contentOf(s *filesystem.Storage, t plumbing.ObjectType, hash plumbing.Hash, most int64) ([]byte, error) {
	size, err := sizeOf(s, hash)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", t, hash, err)
	}
	if size > most {
		return nil, limit("%s %s is %d bytes long, at most %d are read", t, hash, size, most)
	}
	o, err := s.EncodedObject(t, hash)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", t, hash, err)
	}
	r, err := o.Reader()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", t, hash, err)
	}
	defer r.Close()
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("%s %s: %w", t, hash, err)
	}
	return content, nil
}

// tree gives the parsed nodes of a tree object.
func (d *database) tree(s *filesystem.Storage, hash plumbing.Hash) ([]node, error) {
	if nodes, ok := d.nodes.get(hash); ok {
		return nodes, nil
	}
	raw, err := contentOf(s, plumbing.TreeObject, hash, maxTree)
	if err != nil {
		return nil, err
	}
	nodes, err := parseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", hash, err)
	}
	d.nodes.put(hash, nodes)
	return nodes, nil
}
