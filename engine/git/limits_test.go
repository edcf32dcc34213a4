package git

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// forge writes objects that git itself would never write, straight into the
// bare repository.
type forge struct {
	t     testing.TB
	store storer.Storer
}

func newForge(t testing.TB, c *clone) *forge {
	l := &local{path: c.bare}
	return &forge{t, l.stored()}
}

func (f *forge) object(kind plumbing.ObjectType, content []byte) plumbing.Hash {
	o := f.store.NewEncodedObject()
	o.SetType(kind)
	o.SetSize(int64(len(content)))
	w, err := o.Writer()
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		f.t.Fatal(err)
	}
	hash, err := f.store.SetEncodedObject(o)
	if err != nil {
		f.t.Fatal(err)
	}
	return hash
}

type line struct {
	mode, name string
	hash       plumbing.Hash
}

func treeOf(lines ...line) []byte {
	var b bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s\x00", l.mode, l.name)
		b.Write(l.hash[:])
	}
	return b.Bytes()
}

// commit puts a tree at the tip of main.
func (f *forge) commit(tree plumbing.Hash) {
	who := object.Signature{Name: "Eve", When: time.Unix(1, 0)}
	c := &object.Commit{Author: who, Committer: who, TreeHash: tree}
	o := f.store.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		f.t.Fatal(err)
	}
	hash, err := f.store.SetEncodedObject(o)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.store.SetReference(plumbing.NewHashReference("refs/heads/main", hash)); err != nil {
		f.t.Fatal(err)
	}
}

func TestHead_RefusesTreesMadeToExplode(t *testing.T) {
	c := newClone(t)
	f := newForge(t, c)
	blob := f.object(plumbing.BlobObject, []byte("x"))
	empty := f.object(plumbing.TreeObject, nil)
	leaf := f.object(plumbing.TreeObject, treeOf(line{"100644", "f", blob}))
	twice := func(h plumbing.Hash) plumbing.Hash {
		return f.object(plumbing.TreeObject, treeOf(line{"40000", "a", h}, line{"40000", "b", h}))
	}
	for _, bomb := range []struct {
		name  string
		start plumbing.Hash
		level int
		files int // -1: refused
	}{
		{"2^40 files", leaf, 40, -1},
		{"2^60 empty folders", empty, 60, 0},
		{"200 levels", empty, 200, -1},
		{"8 files", leaf, 3, 8},
	} {
		hash := bomb.start
		for range bomb.level {
			hash = twice(hash)
		}
		f.commit(hash)
		s, err := c.open().Head(t.Context())
		if refused := errors.Is(err, ErrLimit); refused != (bomb.files < 0) || len(s.Files) != max(bomb.files, 0) {
			t.Errorf("%s: %d files, %v", bomb.name, len(s.Files), err)
		}
	}
}

func TestHead_DepthCountsThroughFoldersListedBefore(t *testing.T) {
	c := newClone(t)
	c.write("a/b/c", "c")
	c.push("x", "x")
	r := open(t, Config{URL: c.bare, Limits: Limits{Depth: 3}})
	head(t, r)
	c.git("mv", "a", "deep")
	c.write("y/deep/b/c", "c")
	c.commit("deeper")
	c.git("push", "--quiet", "origin", "main")
	if _, err := r.Head(t.Context()); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
}

func TestHead_KeepsItsLimits(t *testing.T) {
	c := newClone(t)
	c.write("folder/a", "12345")
	c.write("folder/b", "12345")
	c.push("large", strings.Repeat("x", 100))
	for _, l := range []Limits{{Files: 2}, {Depth: 1}, {Path: 7}, {Total: 9, Blob: 50}} {
		_, err := open(t, Config{URL: c.bare, Limits: l}).Head(t.Context())
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	head(t, open(t, Config{URL: c.bare, Limits: Limits{Files: 3, Depth: 2, Path: 8, Total: 10, Blob: 50}}))
}

func TestHead_RefusesTreesThatReadersWouldDisagreeOn(t *testing.T) {
	c := newClone(t)
	f := newForge(t, c)
	blob := f.object(plumbing.BlobObject, []byte("x"))
	sub := f.object(plumbing.TreeObject, treeOf(line{"100644", "f", blob}))
	for name, tree := range map[string][]byte{
		"no mode":         []byte("f\x00aaaaaaaaaaaaaaaaaaaa"),
		"odd mode":        treeOf(line{"100000", "f", blob}),
		"cut off":         treeOf(line{"100644", "f", blob})[:20],
		"no end":          []byte("100644 f"),
		"no name":         treeOf(line{"100644", "", blob}),
		"dot":             treeOf(line{"40000", ".", sub}),
		"dot dot":         treeOf(line{"40000", "..", sub}),
		"slash":           treeOf(line{"100644", "a/b", blob}),
		"twice":           treeOf(line{"100644", "a", blob}, line{"100644", "a", blob}),
		"twice, apart":    treeOf(line{"100644", "a", blob}, line{"100644", "b", blob}, line{"100755", "a", blob}),
		"file and folder": treeOf(line{"100644", "a", blob}, line{"100644", "a.b", blob}, line{"40000", "a", sub}),
	} {
		f.commit(f.object(plumbing.TreeObject, tree))
		if s, err := c.open().Head(t.Context()); err == nil {
			t.Errorf("%s: lists %q", name, paths(s))
		}
	}
	f.commit(f.object(plumbing.TreeObject, treeOf(line{"100644", "b", blob}, line{"40000", "a", sub})))
	if s := head(t, c.open()); strings.Join(paths(s), " ") != "a/f b" {
		t.Errorf("unsorted: %q", paths(s))
	}
}

func FuzzParseTree(f *testing.F) {
	h := plumbing.NewHash(strings.Repeat("1", 40))
	f.Add(treeOf(line{"100644", "a", h}, line{"40000", "b", h}))
	f.Add([]byte("100644 f\x00short"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		nodes, err := parseTree(raw)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, n := range nodes {
			if n.name == "" || n.name == ".." || strings.Contains(n.name, "/") || seen[n.name] {
				t.Errorf("%q", n.name)
			}
			seen[n.name] = true
		}
	})
}
