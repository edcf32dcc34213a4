package git

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// listing is everything below a tree, with paths relative to it. It is made
// once for each tree hash, so a folder that a commit leaves alone costs one
// look-up, and a tree that contains itself a billion times is counted, not
// walked.
type listing struct {
	entries []Entry
	bytes   int64
	depth   int
}

// list gives the files of the tree with the given hash.
func (d *database) list(tree plumbing.Hash) (entries []Entry, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		l, err := d.listTree(s, tree, 1)
		entries = l.entries
		return err
	})
	return entries, err
}

// listTree lists a tree that is level folders down, the root being at 1.
func (d *database) listTree(s *filesystem.Storage, hash plumbing.Hash, level int) (listing, error) {
	if l, ok := d.lists.get(hash); ok {
		return l, d.checkDepth(level + l.depth - 1)
	}
	if err := d.checkDepth(level); err != nil {
		return listing{}, err
	}
	nodes, err := d.tree(s, hash)
	if err != nil {
		return listing{}, err
	}
	l := listing{entries: make([]Entry, 0, len(nodes)), depth: 1}
	for _, n := range nodes {
		if n.kind == folder {
			err = d.addFolder(s, &l, n, level)
		} else {
			err = d.addFile(s, &l, n)
		}
		if err != nil {
			return listing{}, err
		}
	}
	d.lists.put(hash, l)
	return l, nil
}

func (d *database) checkDepth(level int) error {
	if level > d.limits.Depth {
		return limit("folders nest more than %d deep; flatten them", d.limits.Depth)
	}
	return nil
}

func (d *database) addFolder(s *filesystem.Storage, l *listing, n node, level int) error {
	below, err := d.listTree(s, n.hash, level+1)
	if err != nil {
		return err
	}
	l.depth = max(l.depth, below.depth+1)
	if len(l.entries)+len(below.entries) > d.limits.Files {
		return d.tooMany()
	}
	joined := joinPaths(n.name, below.entries)
	l.entries = slices.Grow(l.entries, len(below.entries))
	for _, e := range below.entries {
		length := len(n.name) + 1 + len(e.Path)
		if e.Path, joined = joined[:length], joined[length:]; length > d.limits.Path {
			return d.tooLong(e.Path)
		}
		l.entries = append(l.entries, e)
	}
	return d.addBytes(l, below.bytes)
}

// joinPaths gives all paths with the folder before them as one text, for one
// allocation instead of thousands.
func joinPaths(folder string, entries []Entry) string {
	size := 0
	for _, e := range entries {
		size += len(folder) + 1 + len(e.Path)
	}
	var b strings.Builder
	b.Grow(size)
	for _, e := range entries {
		b.WriteString(folder)
		b.WriteByte('/')
		b.WriteString(e.Path)
	}
	return b.String()
}

func (d *database) addFile(s *filesystem.Storage, l *listing, n node) error {
	if len(l.entries) >= d.limits.Files {
		return d.tooMany()
	}
	if len(n.name) > d.limits.Path {
		return d.tooLong(n.name)
	}
	b, err := d.describe(s, n)
	if err != nil {
		return err
	}
	l.entries = append(l.entries, Entry{Path: n.name, Blob: b.hash, Size: b.size, Mode: Mode(n.kind)})
	if b.size > d.limits.Blob {
		return nil // listed, never read
	}
	return d.addBytes(l, b.size)
}

// describe gives hash and size of a blob, remembered from earlier listings.
func (d *database) describe(s *filesystem.Storage, n node) (blob, error) {
	if b, ok := d.blobs.get(n.hash); ok {
		return b, nil
	}
	b := blob{hash: n.hash.String()}
	if n.kind != kind(Submodule) {
		size, err := sizeOf(s, n.hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) && d.partial && !d.worthAnotherTry(err) {
			size, err = d.limits.Blob+1, nil
		}
		if err != nil {
			return b, err
		}
		b.size = size
	}
	d.blobs.put(n.hash, b)
	return b, nil
}

func (d *database) addBytes(l *listing, n int64) error {
	if l.bytes += n; l.bytes > d.limits.Total {
		return limit("the files have more than %d bytes together; keep what is no spec in another repository", d.limits.Total)
	}
	return nil
}

func (d *database) tooMany() error {
	return limit("more than %d files; keep what is no spec in another repository", d.limits.Files)
}

func (d *database) tooLong(path string) error {
	return limit("path of more than %d bytes: %.60q...", d.limits.Path, path)
}
