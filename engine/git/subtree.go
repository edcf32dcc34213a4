package git

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // it is what Git names trees by
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Subtree is a folder of a snapshot.
type Subtree struct {
	// Hash is what Git itself would name a tree with these files.
	Hash string
	// Files have paths relative to the folder, sorted.
	Files []Entry
	// Bytes is the size of all files together.
	Bytes int64
}

// Subtree is the folder at a path, empty for the root, without the files that
// skip says. If it leaves nothing out, Hash is `git rev-parse COMMIT:PATH`.
// It has no files if there is no such folder.
func (s Snapshot) Subtree(folder string, skip func(path string) bool) Subtree {
	var t Subtree
	files := s.Files
	if folder != "" {
		folder += "/"
		// What follows the folder in byte order begins with the folder.
		from, _ := slices.BinarySearchFunc(files, folder, func(e Entry, p string) int { return strings.Compare(e.Path, p) })
		files = files[from:]
	}
	for _, e := range files {
		below, inside := strings.CutPrefix(e.Path, folder)
		if !inside {
			break
		}
		if skip != nil && skip(e.Path) {
			continue
		}
		e.Path = below
		t.Files = append(t.Files, e)
		t.Bytes += e.Size
	}
	t.Hash = hex.EncodeToString(hashTree(t.Files, 0))
	return t
}

// modeText is how a tree spells an entry's mode.
func (m Mode) modeText() string {
	switch m {
	case Executable:
		return "100755"
	case Symlink:
		return "120000"
	case Submodule:
		return "160000"
	case Regular:
	}
	return "100644"
}

// treeLine is one line of a tree in the making.
type treeLine struct{ mode, name, hash string }

// hashTree is the hash of the tree with these files, whose paths are read
// from a byte on.
func hashTree(files []Entry, from int) []byte {
	var lines []treeLine
	for len(files) > 0 {
		name, _, deeper := strings.Cut(files[0].Path[from:], "/")
		if !deeper {
			raw, err := hex.DecodeString(files[0].Blob)
			if err != nil {
				raw = nil // a hash of no blob is still a hash of what was listed
			}
			lines = append(lines, treeLine{files[0].Mode.modeText(), name, string(raw)})
			files = files[1:]
			continue
		}
		n := 1
		prefix := files[0].Path[from : from+len(name)+1]
		for n < len(files) && strings.HasPrefix(files[n].Path[from:], prefix) {
			n++
		}
		lines = append(lines, treeLine{"40000", name, string(hashTree(files[:n], from+len(prefix)))})
		files = files[n:]
	}
	return sumTree(lines)
}

// sumTree hashes the lines in Git's order: a folder sorts as if its name
// ended in a slash.
func sumTree(lines []treeLine) []byte {
	key := func(l treeLine) string {
		if l.mode == "40000" {
			return l.name + "/"
		}
		return l.name
	}
	slices.SortFunc(lines, func(a, b treeLine) int { return cmp.Compare(key(a), key(b)) })
	size := 0
	for _, l := range lines {
		size += len(l.mode) + len(l.name) + len(l.hash) + 2
	}
	h := sha1.New() //nolint:gosec // as above
	fmt.Fprintf(h, "tree %d\x00", size)
	for _, l := range lines {
		fmt.Fprintf(h, "%s %s\x00%s", l.mode, l.name, l.hash)
	}
	return h.Sum(nil)
}
