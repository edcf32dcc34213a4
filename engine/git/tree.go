package git

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// kind is what a tree's node is: one of the modes, or a folder.
type kind int

const folder = kind(-1)

// node is one line of a tree object.
type node struct {
	name string
	hash plumbing.Hash
	kind kind
}

// sortName is what Git sorts by: a folder as if its name ended in a slash.
func (n node) sortName() string {
	if n.kind == folder {
		return n.name + "/"
	}
	return n.name
}

var kinds = map[string]kind{
	"40000": folder, "040000": folder,
	"100644": kind(Regular), "100664": kind(Regular),
	"100755": kind(Executable),
	"120000": kind(Symlink),
	"160000": kind(Submodule),
}

// parseTree reads a tree object. Names that Git itself never writes are
// refused, everything else is kept byte by byte.
func parseTree(raw []byte) ([]node, error) {
	nodes := make([]node, 0, len(raw)/40)
	text := string(raw)
	for len(text) > 0 {
		head := strings.IndexByte(text, 0)
		if head < 0 || len(text) < head+21 {
			return nil, fmt.Errorf("malformed tree: cut off after %d entries", len(nodes))
		}
		mode, name, _ := strings.Cut(text[:head], " ")
		k, known := kinds[mode]
		if !known {
			return nil, fmt.Errorf("malformed tree: mode %q", mode)
		}
		if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return nil, fmt.Errorf("malformed tree: name %q", name)
		}
		n := node{name: name, kind: k}
		copy(n.hash[:], text[head+1:head+21])
		nodes, text = append(nodes, n), text[head+21:]
	}
	return inOrder(nodes)
}

// inOrder sorts what is not sorted as Git does, and refuses a name that comes
// twice: readers would disagree on which one counts.
func inOrder(nodes []node) ([]node, error) {
	order := func(a, b node) int { return cmp.Compare(a.sortName(), b.sortName()) }
	if !slices.IsSortedFunc(nodes, order) {
		slices.SortFunc(nodes, order)
	}
	seen := make(map[string]bool, 0)
	for i, n := range nodes {
		if n.kind == folder {
			seen[n.name] = true
		}
		if i > 0 && nodes[i-1].name == n.name {
			return nil, fmt.Errorf("malformed tree: %q comes twice", n.name)
		}
	}
	for _, n := range nodes {
		if n.kind != folder && seen[n.name] {
			return nil, fmt.Errorf("malformed tree: %q is both file and folder", n.name)
		}
	}
	return nodes, nil
}

// hashOf reads 40 hex digits.
func hashOf(s string) (plumbing.Hash, bool) {
	h := plumbing.NewHash(s)
	return h, len(s) == 40 && !bytes.Equal(h[:], plumbing.ZeroHash[:]) && h.String() == strings.ToLower(s)
}
