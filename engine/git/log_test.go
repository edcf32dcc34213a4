package git

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
)

type step struct {
	Message string
	Files   []string
}

// steps tells a log in short: +added, -removed, ~changed.
func steps(t *testing.T, r *Repository, from string) []step {
	t.Helper()
	var all []step
	for c, err := range r.Log(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		s := step{Message: strings.TrimSpace(c.Commit.Message)}
		for _, f := range c.Files {
			mark := "~"
			switch {
			case f.OldBlob == "":
				mark = "+"
			case f.NewBlob == "":
				mark = "-"
			}
			s.Files = append(s.Files, mark+f.Path)
		}
		all = append(all, s)
	}
	return all
}

func TestLog_FollowsFirstParentsNewestFirst(t *testing.T) {
	c := newClone(t)
	c.write("specs/a.yaml", "a")
	c.write("specs.yaml", "x")
	c.commit("first")
	c.git("checkout", "--quiet", "-b", "feature")
	c.write("specs/b.yaml", "b")
	c.commit("on the feature")
	c.write("specs/a.yaml", "changed")
	c.commit("more on the feature")
	c.git("checkout", "--quiet", "main")
	c.write("c.yaml", "c")
	c.commit("on main")
	c.git("merge", "--quiet", "--no-ff", "--message", "merge", "feature")
	c.git("mv", "c.yaml", "specs/c.yaml")
	c.commit("rename")
	c.git("rm", "--quiet", "specs.yaml")
	c.write("specs.yaml/now/a/folder", "f")
	c.commit("file to folder")
	c.commit("nothing")
	c.git("push", "--quiet", "origin", "main")
	r := c.open()
	head(t, r)
	want := []step{
		{"nothing", nil},
		{"file to folder", []string{"-specs.yaml", "+specs.yaml/now/a/folder"}},
		{"rename", []string{"-c.yaml", "+specs/c.yaml"}},
		{"merge", []string{"~specs/a.yaml", "+specs/b.yaml"}},
		{"on main", []string{"+c.yaml"}},
		{"first", []string{"+specs.yaml", "+specs/a.yaml"}},
	}
	if diff := cmp.Diff(want, steps(t, r, "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[3:], steps(t, r, c.git("rev-parse", "HEAD~3"))); diff != "" {
		t.Error(diff)
	}
}

func TestLog_SaysWhichBlobsChangedAndPassesOverLinks(t *testing.T) {
	c := newClone(t)
	c.write("a", "1")
	c.commit("first")
	blob := c.git("rev-parse", "HEAD:a")
	c.git("update-index", "--chmod=+x", "a")
	c.git("update-index", "--add", "--cacheinfo", "120000,"+blob+",link")
	c.git("commit", "--quiet", "--message", "executable, and a link")
	c.git("update-index", "--cacheinfo", "120000,"+blob+",a")
	c.git("commit", "--quiet", "--message", "now a link")
	c.git("push", "--quiet", "origin", "main")
	var files [][]FileChange
	for change, err := range c.open().Log(t.Context(), "main") {
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, change.Files)
	}
	want := [][]FileChange{{{"a", blob, ""}}, {{"a", blob, blob}}, {{"a", "", blob}}}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
}

func TestLog_EndsWhereAShallowCloneIsCutOff(t *testing.T) {
	c := newClone(t)
	for _, v := range []string{"1", "2", "3"} {
		c.push("a", v)
	}
	shallow := filepath.Join(t.TempDir(), "shallow.git")
	run(t, c.bare, "clone", "--quiet", "--bare", "--depth", "2", "file://"+c.bare, shallow)
	r := open(t, Config{URL: shallow})
	head(t, r)
	var cut []bool
	for change, err := range r.Log(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		cut = append(cut, change.Cut)
	}
	if diff := cmp.Diff([]bool{false, true}, cut); diff != "" {
		t.Error(diff)
	}
	run(t, shallow, "fetch", "--quiet", "--depth", "1", "origin", "main:main")
	if s := head(t, r); s.Rewritten {
		t.Error("the same commit counts as rewritten")
	}
}

func TestLog_StopsWhenToldAndSaysWhatIsUnknown(t *testing.T) {
	c := newClone(t)
	c.push("a", "1")
	c.push("a", "2")
	r := c.open()
	count := 0
	for range r.Log(t.Context(), "main") {
		count++
		break
	}
	if count != 1 {
		t.Errorf("%d steps after the first", count)
	}
	for _, err := range r.Log(t.Context(), "nowhere") {
		if !errors.Is(err, ErrNoRef) {
			t.Errorf("%v", err)
		}
	}
}

func TestResolve_KnowsTagsBranchesAndHashes(t *testing.T) {
	c := newClone(t)
	first := c.push("a", "1")
	c.git("tag", "light")
	c.git("tag", "--annotate", "--message", "m", "v1")
	c.git("tag", "--annotate", "--message", "m", "v1-again", "v1")
	c.git("tag", "--annotate", "--message", "m", "a-tree", "HEAD^{tree}")
	second := c.push("a", "2")
	c.git("tag", "main", first) // a tag with the name of the branch
	c.git("push", "--quiet", "origin", "--tags")
	r := c.open()
	for name, want := range map[string]string{
		"light": first, "v1": first, "v1-again": first, "refs/tags/v1": first,
		"refs/heads/main": second, "main": first, "HEAD": second,
		first: first, strings.ToUpper(second): second, second[:4]: second, second[:9]: second,
	} {
		s, err := r.Resolve(t.Context(), name)
		if err != nil || s.Commit.Hash != want || s.Rewritten || len(s.Files) != 1 {
			t.Errorf("%s: %s, %v; want %s", name, s.Commit.Hash, err, want)
		}
	}
	tree := c.git("rev-parse", "HEAD^{tree}")
	for _, name := range []string{"", "v2", "a-tree", "../HEAD", "refs/../HEAD", "config", "v1^{}", second[:3], tree, tree[:8], "zzzz", "HEAD~1"} {
		if s, err := r.Resolve(t.Context(), name); !errors.Is(err, ErrNoRef) {
			t.Errorf("%q: %s, %v", name, s.Commit.Hash, err)
		}
	}
	if _, err := r.Resolve(t.Context(), strings.Repeat("1", 40)); !errors.Is(err, ErrNoObject) {
		t.Errorf("a hash that is not there: %v", err)
	}
	refs, err := r.Refs(t.Context(), []string{"refs/tags/*"})
	want := []Ref{{"refs/tags/light", first}, {"refs/tags/main", first}, {"refs/tags/v1", first}, {"refs/tags/v1-again", first}}
	if diff := cmp.Diff(want, refs); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestResolve_AsksForMoreOfAnAmbiguousHash(t *testing.T) {
	c := newClone(t)
	first := c.push("a", "1")
	r := c.open()
	var twin string
	for i := 0; twin == ""; i++ {
		tree := c.git("rev-parse", "HEAD^{tree}")
		repo, err := gogit.PlainOpen(c.work)
		if err != nil {
			t.Fatal(err)
		}
		who := object.Signature{Name: "Ada", When: time.Unix(int64(i), 0)}
		for range 5000 {
			who.When = who.When.Add(1000 * time.Hour)
			made := &object.Commit{Author: who, Committer: who, Message: "twin"}
			made.TreeHash, _ = hashOf(tree)
			o := repo.Storer.NewEncodedObject()
			if err := made.Encode(o); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(o.Hash().String(), first[:4]) {
				if _, err := repo.Storer.SetEncodedObject(o); err != nil {
					t.Fatal(err)
				}
				twin = o.Hash().String()
				break
			}
		}
	}
	c.git("push", "--quiet", "origin", twin+":refs/heads/twin")
	if _, err := r.Resolve(t.Context(), first[:4]); !errors.Is(err, ErrNoRef) || !strings.Contains(err.Error(), twin) {
		t.Errorf("%v", err)
	}
	if s, err := r.Resolve(t.Context(), twin[:10]); err != nil || s.Commit.Hash != twin {
		t.Errorf("%v", err)
	}
}
