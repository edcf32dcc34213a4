package git

import (
	"cmp"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// diff adds to changes what differs between two trees; the zero hash is the
// empty tree. Trees with equal hashes are not looked at.
func (d *database) diff(s *filesystem.Storage, changes *[]FileChange, prefix string, before, after plumbing.Hash, level int) error {
	if before == after {
		return nil
	}
	if err := d.checkDepth(level); err != nil {
		return err
	}
	old, err := d.treeOrNone(s, before)
	if err != nil {
		return err
	}
	now, err := d.treeOrNone(s, after)
	if err != nil {
		return err
	}
	for len(old) > 0 || len(now) > 0 {
		var a, b node // of one name; a zero hash where there is none
		switch order := compare(old, now); {
		case order < 0:
			a, old = old[0], old[1:]
		case order > 0:
			b, now = now[0], now[1:]
		default:
			a, b, old, now = old[0], now[0], old[1:], now[1:]
		}
		if err := d.diffNode(s, changes, prefix, a, b, level); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) treeOrNone(s *filesystem.Storage, hash plumbing.Hash) ([]node, error) {
	if hash.IsZero() {
		return nil, nil
	}
	return d.tree(s, hash)
}

// compare says which of the first nodes comes first; a list that has ended
// comes last.
func compare(a, b []node) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Compare(a[0].sortName(), b[0].sortName())
}

// diffNode adds what became of one name. A folder and a file never meet here:
// Git sorts them apart.
func (d *database) diffNode(s *filesystem.Storage, changes *[]FileChange, prefix string, a, b node, level int) error {
	if a == b {
		return nil
	}
	path := prefix + cmp.Or(a.name, b.name)
	if a.kind == folder || b.kind == folder {
		return d.diff(s, changes, path+"/", a.hash, b.hash, level+1)
	}
	change := FileChange{Path: path, OldBlob: blobOf(a), NewBlob: blobOf(b)}
	if change.OldBlob == "" && change.NewBlob == "" {
		return nil
	}
	if len(*changes) >= 2*d.limits.Files {
		return limit("a commit changes more than %d files", 2*d.limits.Files)
	}
	*changes = append(*changes, change)
	return nil
}

// blobOf gives the blob of a file; nothing for a symlink, a submodule or no
// node at all.
func blobOf(n node) string {
	if n.hash.IsZero() || !Mode(n.kind).IsFile() {
		return ""
	}
	return n.hash.String()
}
