package load_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the diff before you commit it")

// TestGolden reads a repository out of each story and compares the tree that
// comes of it, written in the last file, `tree`.
func TestGolden(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, story := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(story), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(story)
			if err != nil {
				t.Fatal(err)
			}
			want := txtar.Format(a)
			if n := len(a.Files); a.Files[n-1].Name == "tree" {
				a.Files = a.Files[:n-1]
			}
			var files []load.File
			for _, f := range a.Files {
				files = append(files, load.File{Path: f.Name, Data: f.Data})
			}
			a.Files = append(a.Files, txtar.File{Name: "tree", Data: print(load.Files(files, catalog.New(plain.Policy{})))})
			got := txtar.Format(a)
			if *update {
				if err := os.WriteFile(story, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got; -update rewrites):\n%s", story, diff)
			}
		})
	}
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
