package load_test

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/golden"
	"github.com/sluice-dev/sluice/schema/plain"
)

// TestGolden reads a repository out of each story and compares the tree that
// comes of it, written in the last file, `tree`.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(_ *testing.T, all []txtar.File) []txtar.File {
		if n := len(all); all[n-1].Name == "tree" {
			all = all[:n-1]
		}
		var files []load.File
		for _, f := range all {
			files = append(files, load.File{Path: f.Name, Data: f.Data})
		}
		return append(all, txtar.File{Name: "tree", Data: print(load.Files(files, catalog.New(plain.Policy{})))})
	})
}

// print writes a tree, a line for each of its facts.
func print(tree load.Tree) []byte {
	var b bytes.Buffer
	for _, e := range tree.Specs {
		fmt.Fprintf(&b, "spec %s at %s:%d:%d\n", e.Identity, e.File, e.Line, e.Column)
	}
	for _, id := range tree.Broken {
		fmt.Fprintf(&b, "broken %s\n", id)
	}
	for _, path := range tree.Unreadable {
		fmt.Fprintf(&b, "unreadable %s\n", path)
	}
	for _, path := range tree.Silent {
		fmt.Fprintf(&b, "silent %s\n", path)
	}
	for _, p := range tree.Problems {
		fmt.Fprintf(&b, "%s\n", p)
	}
	return b.Bytes()
}
