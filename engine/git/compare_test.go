package git

import (
	"errors"
	"strings"
	"testing"
)

func TestCompare_ListsWhatABranchChangedSinceItLeft(t *testing.T) {
	c := newClone(t)
	c.write("same/a.yaml", "a")
	c.write("b.yaml", "b")
	base := c.push("c.yaml", "c")
	c.git("checkout", "-q", "-b", "preview")
	c.write("b.yaml", "b of the preview")
	theirs := c.commit("theirs")
	c.git("push", "-q", "origin", "HEAD:preview")
	c.git("checkout", "-q", "-")
	ours := c.push("c.yaml", "c of main")
	r := c.open()
	got, err := r.Compare(t.Context(), ours, theirs)
	if err != nil {
		t.Fatal(err)
	}
	if got.Base != base || got.Merged || len(got.Files) != 1 || got.Files[0].Path != "b.yaml" || got.Head.Hash != theirs {
		t.Errorf("got %+v", got)
	}
	c.git("merge", "-q", "--no-ff", "--no-edit", "preview")
	merged := c.push("d.yaml", "d")
	if got, err = r.Compare(t.Context(), merged, theirs); err != nil || !got.Merged || got.Files != nil {
		t.Errorf("merged: %+v, %v", got, err)
	}
	if is, err := r.IsAncestor(t.Context(), theirs, merged); !is || err != nil {
		t.Errorf("a merged commit is no ancestor: %v", err)
	}
}

func TestCompare_LinesThatShareNothingDifferInEverything(t *testing.T) {
	c := newClone(t)
	ours := c.push("a.yaml", "a")
	c.git("checkout", "-q", "--orphan", "other")
	theirs := c.commit("alone")
	c.git("push", "-q", "origin", "HEAD:other")
	got, err := c.open().Compare(t.Context(), ours, theirs)
	if err != nil || got.Base != "" || len(got.Files) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFind_SaysWhichReferenceANameIs(t *testing.T) {
	c := newClone(t)
	hash := c.push("a.yaml", "a")
	c.git("tag", "-a", "-m", "one", "v1")
	c.git("push", "-q", "origin", "v1", "HEAD:preview/blue")
	r := c.open()
	for name, full := range map[string]string{"v1": "refs/tags/v1", "preview/blue": "refs/heads/preview/blue", hash: "", hash[:8]: ""} {
		if got, err := r.Find(t.Context(), name); err != nil || got != (Ref{full, hash}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := r.Find(t.Context(), "v2"); !errors.Is(err, ErrNoRef) || !strings.Contains(err.Error(), "v2") {
		t.Errorf("v2: %v", err)
	}
}

func TestRefs_OfARemoteThatIsAwayFromTheStartAreAnErrorAndNotNone(t *testing.T) {
	c := newClone(t)
	c.push("a.yaml", "a")
	c.git("push", "-q", "origin", "HEAD:preview/blue")
	backend, url := overHTTP(t, c)
	dir := t.TempDir()
	pattern := []string{"refs/heads/preview/*"}
	before := open(t, Config{URL: url, Dir: dir})
	if _, err := before.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if refs, err := before.Refs(t.Context(), pattern); err != nil || len(refs) != 1 {
		t.Errorf("refs: %v, %v", refs, err)
	}
	backend.down.Store(true)
	if refs, err := before.Refs(t.Context(), pattern); err != nil || len(refs) != 1 {
		t.Errorf("refs that were heard of: %v, %v", refs, err)
	}
	after := open(t, Config{URL: url, Dir: dir})
	if refs, err := after.Refs(t.Context(), pattern); !errors.Is(err, ErrUnreachable) {
		t.Errorf("after a restart: %v, %v", refs, err)
	}
}
