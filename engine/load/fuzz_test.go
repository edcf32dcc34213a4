package load_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/plain"
)

// FuzzRead: whatever a file holds, Read comes back, says where, and what it
// lets through can be lowered.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/*.txtar", "../../schema/serving/testdata/*/*.txtar"} {
		stories, err := filepath.Glob(pattern)
		if err != nil || len(stories) == 0 {
			f.Fatalf("no seeds: %v", err)
		}
		for _, story := range stories {
			data, err := os.ReadFile(story)
			if err != nil {
				f.Fatal(err)
			}
			f.Add("a.yaml", txtar.Parse(data).Files[0].Data)
		}
	}
	f.Add("a.json", []byte(`{"apiVersion":"v1"}`))
	f.Add("a\n.yml", []byte(bomb()))
	kinds := catalog.New(plain.Policy{})
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		part := load.Read(load.File{Path: path, Data: data}, kinds)
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range part.Problems {
			if p.File != path || p.Text == "" || p.Line < 0 || p.Line > lines+1 {
				t.Errorf("%q of %d lines", p.String(), lines)
			}
		}
		for _, e := range load.Join([]load.Part{part}).Specs {
			e.Spec.(desired.Source).Desire()
		}
		load.ReadSettings(load.File{Path: path, Data: data})
	})
}

// FuzzSettings: no pattern makes the matching of paths fail or hang.
func FuzzSettings(f *testing.F) {
	f.Add("docs", "docs/a.yaml")
	f.Add("**/a*/**/b?/**", "x/aa/y/bb/c.yaml")
	f.Add("[a-", "a.yaml")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		all := load.Settings{}
		some := load.Settings{Ignore: []string{pattern}}
		if file := (load.File{Path: path}); some.Wants(file) && !all.Wants(file) {
			t.Errorf("ignoring %q adds %q", pattern, path)
		}
	})
}
