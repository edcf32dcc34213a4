package load_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/plain"
)

// Whatever order the parts come in, the tree is the same; every identity is
// told once, as good or as broken.
func TestJoin_OrderDoesNotMatterAndNobodyIsToldTwice(t *testing.T) {
	kinds := catalog.New(plain.Policy{})
	rapid.Check(t, func(t *rapid.T) {
		var parts []load.Part
		for i := range rapid.IntRange(0, 8).Draw(t, "files") {
			data := "data"
			if rapid.Bool().Draw(t, "broken") {
				data = "dta"
			}
			text := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n%d}\n%s: {}\n", rapid.IntRange(0, 4).Draw(t, "name"), data)
			if rapid.IntRange(0, 5).Draw(t, "not YAML") == 0 {
				text = "a: ["
			}
			parts = append(parts, load.Read(load.File{Path: fmt.Sprintf("%d.yaml", i), Data: []byte(text)}, kinds))
		}
		tree := load.Join(parts)
		other := load.Join(rapid.Permutation(parts).Draw(t, "order"))
		if diff := cmp.Diff(print(tree), print(other)); diff != "" {
			t.Fatalf("another order, another tree:\n%s", diff)
		}
		told := map[schema.Identity]bool{}
		for _, e := range tree.Specs {
			if told[e.Identity] || e.Spec == nil {
				t.Fatalf("%s is told twice, or has no spec", e.Identity)
			}
			told[e.Identity] = true
		}
		for _, id := range tree.Broken {
			if told[id] {
				t.Fatalf("%s is told twice", id)
			}
			told[id] = true
		}
		for _, p := range parts {
			for _, e := range p.Entries {
				if !told[e.Identity] {
					t.Fatalf("%s is lost", e.Identity)
				}
			}
		}
	})
}

func TestFiles_SettingsThatAreALinkHoldBackEverything(t *testing.T) {
	tree := load.Files([]load.File{
		{Path: load.SettingsPath, Mode: load.Symlink, Data: []byte("/etc/passwd")},
		{Path: "a.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")},
	}, catalog.New(plain.Policy{}))
	want := "unreadable a.yaml\nunreadable sluice.yaml\nsluice.yaml: this is a symbolic link, which is never followed: commit the file itself\n"
	if diff := cmp.Diff(want, string(print(tree))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
