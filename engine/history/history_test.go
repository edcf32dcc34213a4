package history

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/schema/desired"
)

func workload(revision string) desired.Workload {
	return desired.Workload{Namespace: "default", Configuration: "hello", Revision: revision}
}

func TestLine_EachTemplateOnceInOrderOfFirstAppearance(t *testing.T) {
	var l Line
	for i, revision := range []string{"a", "a", "b", "a", "c"} {
		l.Describe(Commit{Hash: string(rune('0' + i))}, workload(revision))
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, l.Names()); d != "" {
		t.Error(d)
	}
	if r := l.Revisions[0]; r.Commit.Hash != "0" || r.Last.Hash != "3" {
		t.Errorf("a was brought by %s and again by %s, want 0 and 3", r.Commit.Hash, r.Last.Hash)
	}
	if l.Current() != "c" {
		t.Errorf("current is %s", l.Current())
	}
}

func TestLine_FindsByNameAndByAlias(t *testing.T) {
	var l Line
	l.Describe(Commit{}, workload("hello-aaaa"))
	l.Describe(Commit{}, workload("hello-bbbb"))
	for name, want := range map[string]string{"hello-00002": "hello-bbbb", "hello-aaaa": "hello-aaaa"} {
		if r, ok := l.Find(name); !ok || r.Name != want {
			t.Errorf("%s: %v, %v", name, r.Name, ok)
		}
	}
	for _, name := range []string{"hello-00003", "hello-00000", "hello-2", "other-00001", ""} {
		if r, ok := l.Find(name); ok {
			t.Errorf("%q found %s", name, r.Name)
		}
	}
}

func TestOrdinal_ReadsWhatAliasWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9-]{0,20}`).Draw(t, "name")
		n := rapid.IntRange(1, 1_000_000).Draw(t, "n")
		if got, ok := Ordinal(name, Alias(name, n)); !ok || got != n {
			t.Errorf("%s: %d, %v", Alias(name, n), got, ok)
		}
	})
}
