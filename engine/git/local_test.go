package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHead_ListsTheBranchAndReadsItsBlobs(t *testing.T) {
	c := newClone(t)
	c.write("specs/b.yaml", "b")
	c.write("specs.yaml", "c")
	hash := c.push("specs/a/a.yaml", "kind: Service\n")
	r := c.open()
	s := head(t, r)
	if s.Commit.Hash != hash || s.Commit.AuthorEmail != "ada@example.com" || s.Commit.Message != "write specs/a/a.yaml\n" || s.Previous != "" || s.Rewritten {
		t.Errorf("wrong commit: %+v", s.Commit)
	}
	if tree := c.git("rev-parse", "HEAD^{tree}"); s.Tree != tree {
		t.Errorf("tree is %s, want %s", s.Tree, tree)
	}
	if diff := cmp.Diff([]string{"specs.yaml", "specs/a/a.yaml", "specs/b.yaml"}, paths(s)); diff != "" {
		t.Error(diff)
	}
	if got := read(t, r, s, "specs/a/a.yaml"); got != "kind: Service\n" {
		t.Errorf("read %q", got)
	}
	if e := entry(t, s, "specs/a/a.yaml"); e.Size != 14 || e.Mode != Regular {
		t.Errorf("wrong entry %+v", e)
	}
}

func TestHead_OfAWorkTreeReadsItsGitFolderOnly(t *testing.T) {
	c := newClone(t)
	c.push("a.yaml", "committed")
	c.write("a.yaml", "changed in the work tree")
	r := open(t, Config{URL: "file://" + c.work})
	if got := read(t, r, head(t, r), "a.yaml"); got != "committed" {
		t.Errorf("read %q", got)
	}
}

func TestHead_SaysWhereABranchIsMissing(t *testing.T) {
	c := newClone(t)
	_, err := c.open().Head(t.Context())
	if !errors.Is(err, ErrNoBranch) || !strings.Contains(err.Error(), "push a commit to main") {
		t.Errorf("empty repository: %v", err)
	}
	c.push("a", "a")
	c.git("push", "--quiet", "origin", "HEAD:trunk")
	_, err = open(t, Config{URL: c.bare, Branch: "nope"}).Head(t.Context())
	if !errors.Is(err, ErrNoBranch) || !strings.Contains(err.Error(), "main, trunk") {
		t.Errorf("missing branch: %v", err)
	}
}

func TestHead_SaysWhatIsNoRepository(t *testing.T) {
	dir := t.TempDir()
	_, err := open(t, Config{URL: filepath.Join(dir, "none")}).Head(t.Context())
	if !errors.Is(err, ErrNoRepository) || !strings.Contains(err.Error(), "git init --bare") {
		t.Errorf("no folder: %v", err)
	}
	c := newClone(t)
	c.push("a", "a")
	c.git("worktree", "add", "--quiet", filepath.Join(dir, "linked"), "HEAD")
	_, err = open(t, Config{URL: filepath.Join(dir, "linked")}).Head(t.Context())
	if !errors.Is(err, ErrNoRepository) || !strings.Contains(err.Error(), "main repository") {
		t.Errorf("linked work tree: %v", err)
	}
	long := filepath.Join(dir, "long.git")
	run(t, dir, "init", "--quiet", "--bare", "--object-format=sha256", long)
	_, err = open(t, Config{URL: long}).Head(t.Context())
	if !errors.Is(err, ErrNoRepository) || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("sha256: %v", err)
	}
}

func TestHead_KeepsNamesByteByByte(t *testing.T) {
	c := newClone(t)
	names := []string{"a\nb.yaml", "caf\xe9.yaml", "naïve.yaml", "spaces and 'quotes'.yaml"}
	for _, name := range names {
		c.write(name, name)
	}
	c.push("-dash", "")
	r := c.open()
	s := head(t, r)
	for _, name := range names {
		if got := read(t, r, s, name); got != name {
			t.Errorf("%q holds %q", name, got)
		}
	}
}

func TestHead_ListsSymlinksAndSubmodulesAndFollowsNeither(t *testing.T) {
	c := newClone(t)
	c.write("script.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(c.work, "script.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(c.work, "passwd.yaml")); err != nil {
		t.Fatal(err)
	}
	first := c.push("a", "a")
	c.git("update-index", "--add", "--cacheinfo", "160000,"+first+",module")
	c.git("commit", "--quiet", "--message", "submodule")
	c.git("push", "--quiet", "origin", "HEAD:main")
	r := c.open()
	s := head(t, r)
	if e := entry(t, s, "script.sh"); e.Mode != Executable || !e.Mode.IsFile() {
		t.Errorf("script.sh is a %s", e.Mode)
	}
	if e := entry(t, s, "passwd.yaml"); e.Mode != Symlink || e.Mode.IsFile() || read(t, r, s, "passwd.yaml") != "/etc/passwd" {
		t.Errorf("passwd.yaml is a %s", e.Mode)
	}
	if e := entry(t, s, "module"); e.Mode != Submodule || e.Mode.IsFile() || e.Blob != first {
		t.Errorf("module is a %s at %s", e.Mode, e.Blob)
	}
}

func TestHead_FollowsAForcePushAndSaysSo(t *testing.T) {
	c := newClone(t)
	first := c.push("a", "1")
	r := c.open()
	head(t, r)
	second := c.push("a", "2")
	if s := head(t, r); s.Rewritten || s.Previous != first {
		t.Errorf("a push counts as rewritten: %+v", s)
	}
	if s := head(t, r); s.Rewritten || s.Previous != second {
		t.Errorf("no push counts as rewritten: %+v", s)
	}
	c.git("reset", "--quiet", "--hard", first)
	c.write("a", "3")
	third := c.commit("another second")
	c.git("push", "--quiet", "--force", "origin", "HEAD:main")
	if s := head(t, r); !s.Rewritten || s.Previous != second || s.Commit.Hash != third || read(t, r, s, "a") != "3" {
		t.Errorf("a force push is not told: %+v", s)
	}
	c.git("push", "--quiet", "--force", "origin", first+":main")
	if s := head(t, r); !s.Rewritten || s.Commit.Hash != first {
		t.Errorf("going back is not told: %+v", s)
	}
}

func TestHead_FindsWhatWasPushedPackedAndPrunedAfterOpening(t *testing.T) {
	c := newClone(t)
	c.push("a", "1")
	r := c.open()
	head(t, r)
	run(t, c.bare, "config", "receive.unpackLimit", "1")
	for i := range 5 {
		want := fmt.Sprint("packed ", i)
		hash := c.push("a", want)
		s := head(t, r)
		if s.Commit.Hash != hash || read(t, r, s, "a") != want {
			t.Fatalf("after push %d: %+v", i, s)
		}
		run(t, c.bare, "gc", "--quiet", "--prune=now")
		r.db.objects.Clear()
		if got := read(t, r, s, "a"); got != want {
			t.Fatalf("after gc %d: %q", i, got)
		}
	}
	if _, err := os.Stat(filepath.Join(c.bare, "refs/heads/main")); err == nil {
		t.Error("the branch should be in packed-refs by now")
	}
}

func TestHead_ReadsBorrowedObjects(t *testing.T) {
	c := newClone(t)
	hash := c.push("a", "borrowed")
	shared := filepath.Join(t.TempDir(), "shared.git")
	run(t, c.bare, "clone", "--quiet", "--bare", "--shared", c.bare, shared)
	r := open(t, Config{URL: shared})
	if s := head(t, r); s.Commit.Hash != hash || read(t, r, s, "a") != "borrowed" {
		t.Errorf("%+v", s)
	}
}

func TestBlob_RefusesWhatIsTooLargeBeforeReadingIt(t *testing.T) {
	c := newClone(t)
	c.write("small.yaml", "small")
	c.push("large.yaml", strings.Repeat("x", 2<<20))
	for _, packed := range []bool{false, true} {
		if packed {
			run(t, c.bare, "gc", "--quiet")
		}
		r := c.open()
		s := head(t, r)
		large := entry(t, s, "large.yaml")
		if large.Size != 2<<20 {
			t.Errorf("size is %d", large.Size)
		}
		if _, err := r.Blob(t.Context(), large.Blob, 0); !errors.Is(err, ErrLimit) {
			t.Errorf("read beyond the limit: %v", err)
		}
		if b, err := r.Blob(t.Context(), large.Blob, 4<<20); err != nil || len(b) != 2<<20 {
			t.Errorf("with a higher limit: %d bytes, %v", len(b), err)
		}
		if got := read(t, r, s, "small.yaml"); got != "small" {
			t.Errorf("read %q", got)
		}
	}
}

func TestBlob_SaysWhatIsNoBlob(t *testing.T) {
	c := newClone(t)
	c.push("a", "a")
	r := c.open()
	s := head(t, r)
	for _, hash := range []string{"", "HEAD", strings.Repeat("0", 40), strings.Repeat("1", 40), s.Tree} {
		if _, err := r.Blob(t.Context(), hash, 0); !errors.Is(err, ErrNoObject) {
			t.Errorf("%q: %v", hash, err)
		}
	}
}
