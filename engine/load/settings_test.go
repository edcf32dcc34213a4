package load_test

import (
	"testing"

	"github.com/sluice-dev/sluice/engine/load"
)

func TestSettings_WantsWhatCouldBeAManifest(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings load.Settings
		file     load.File
		want     bool
	}{
		{"YAML", load.Settings{}, load.File{Path: "a.yaml"}, true},
		{"YAML of three letters", load.Settings{}, load.File{Path: "x/a.yml"}, true},
		{"JSON", load.Settings{}, load.File{Path: "a.json"}, true},
		{"prose", load.Settings{}, load.File{Path: "README.md"}, false},
		{"the settings themselves", load.Settings{}, load.File{Path: "sluice.yaml"}, false},
		{"settings of somewhere else", load.Settings{}, load.File{Path: "x/sluice.yaml"}, true},
		{"a folder with a dot", load.Settings{}, load.File{Path: "x/.github/a.yaml"}, false},
		{"a file with a dot", load.Settings{}, load.File{Path: ".golangci.yaml"}, false},
		{"a link, to say so", load.Settings{}, load.File{Path: "passwd", Mode: load.Symlink}, true},
		{"a submodule, to say so", load.Settings{}, load.File{Path: "vendor", Mode: load.Submodule}, true},
		{"a folder of specs", load.Settings{Specs: []string{"specs"}}, load.File{Path: "specs/x/a.yaml"}, true},
		{"beside the folder of specs", load.Settings{Specs: []string{"specs"}}, load.File{Path: "specs2/a.yaml"}, false},
		{"the root is all", load.Settings{Specs: []string{"."}}, load.File{Path: "x/a.yaml"}, true},
		{"ignored by a name anywhere", load.Settings{Ignore: []string{"testdata"}}, load.File{Path: "x/testdata/y/a.yaml"}, false},
		{"ignored by a pattern of names", load.Settings{Ignore: []string{"*.tmpl.yaml"}}, load.File{Path: "x/a.tmpl.yaml"}, false},
		{"a path counts from the root", load.Settings{Ignore: []string{"docs/api"}}, load.File{Path: "x/docs/api/a.yaml"}, true},
		{"ignored by a path", load.Settings{Ignore: []string{"docs/api"}}, load.File{Path: "docs/api/x/a.yaml"}, false},
		{"ignored by a path that ends in a slash", load.Settings{Ignore: []string{"docs/"}}, load.File{Path: "x/docs/a.yaml"}, false},
		{"ignored from the root alone", load.Settings{Ignore: []string{"/docs"}}, load.File{Path: "x/docs/a.yaml"}, true},
		{"any number of folders", load.Settings{Ignore: []string{"apps/**/draft.yaml"}}, load.File{Path: "apps/a/b/draft.yaml"}, false},
		{"no folder is a number too", load.Settings{Ignore: []string{"apps/**/draft.yaml"}}, load.File{Path: "apps/draft.yaml"}, false},
		{"one star is one folder", load.Settings{Ignore: []string{"apps/*/draft.yaml"}}, load.File{Path: "apps/a/b/draft.yaml"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.settings.Wants(c.file); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
