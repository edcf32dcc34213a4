package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// history makes a bare repository of 1,000 specs, a hundred to a folder (flat:
// all in one), and as many commits as asked for, each of which changes one.
func history(b testing.TB, commits int, flat, packed bool) *clone {
	b.Helper()
	c := newClone(b)
	var s strings.Builder
	name := func(i int) string {
		if flat {
			return fmt.Sprintf("specs/service-%d.yaml", i)
		}
		return fmt.Sprintf("team-%d/service-%d.yaml", i/100, i)
	}
	spec := func(i, v int) string {
		return fmt.Sprintf("apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: service-%d\nspec:\n  template:\n    spec:\n      containers:\n      - image: local.dev/app\n        env:\n        - {name: VERSION, value: \"%d\"}\n", i, v)
	}
	file := func(i, v int) {
		fmt.Fprintf(&s, "M 100644 inline %s\ndata %d\n%s\n", name(i), len(spec(i, v)), spec(i, v))
	}
	for v := range commits {
		fmt.Fprintf(&s, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 6\nchange\n", 1_700_000_000+v)
		if v == 0 {
			for i := range 1000 {
				file(i, 0)
			}
		} else {
			file(v*7%1000, v)
		}
	}
	input := filepath.Join(c.work, "stream")
	if err := os.WriteFile(input, []byte(s.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	run(b, c.bare, "-c", "core.pager=cat", "config", "gc.auto", "0")
	fastImport(b, c.bare, input)
	if packed {
		run(b, c.bare, "gc", "--quiet")
	}
	return c
}

func fastImport(b testing.TB, bare, input string) {
	run(b, bare, "-c", "alias.load=!git fast-import --quiet <"+input, "load")
}

// changer changes one of the specs and moves the branch, as a push of loose
// objects does, without the cost of running git.
type changer struct {
	b      testing.TB
	repo   *gogit.Repository
	commit *object.Commit
	n      int
}

func newChanger(b testing.TB, c *clone) *changer {
	repo, err := gogit.PlainOpen(c.bare)
	if err != nil {
		b.Fatal(err)
	}
	ref, err := repo.Reference("refs/heads/main", true)
	if err != nil {
		b.Fatal(err)
	}
	commit, err := repo.CommitObject(ref.Hash())
	if err != nil {
		b.Fatal(err)
	}
	return &changer{b: b, repo: repo, commit: commit}
}

// prepare stores a commit that changes one file, and gives it.
func (c *changer) prepare() plumbing.Hash {
	c.n++
	f := &forge{c.b, c.repo.Storer}
	root, err := c.commit.Tree()
	if err != nil {
		c.b.Fatal(err)
	}
	folder, err := c.repo.TreeObject(root.Entries[0].Hash)
	if err != nil {
		c.b.Fatal(err)
	}
	folder.Entries[c.n%len(folder.Entries)].Hash = f.object(plumbing.BlobObject, fmt.Appendf(nil, "kind: Service # %d\n", c.n))
	root.Entries[0].Hash = c.encode(folder)
	next := &object.Commit{Author: c.commit.Author, Committer: c.commit.Committer, TreeHash: c.encode(root), ParentHashes: []plumbing.Hash{c.commit.Hash}}
	hash := c.encode(next)
	if c.commit, err = c.repo.CommitObject(hash); err != nil {
		c.b.Fatal(err)
	}
	return hash
}

func (c *changer) encode(thing interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	o := c.repo.Storer.NewEncodedObject()
	if err := thing.Encode(o); err != nil {
		c.b.Fatal(err)
	}
	hash, err := c.repo.Storer.SetEncodedObject(o)
	if err != nil {
		c.b.Fatal(err)
	}
	return hash
}

// move is what makes a push visible.
func (c *changer) move(hash plumbing.Hash) {
	if err := c.repo.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", hash)); err != nil {
		c.b.Fatal(err)
	}
}

func shapes(b *testing.B, f func(b *testing.B, c *clone)) {
	for _, flat := range []bool{false, true} {
		shape := "folders"
		if flat {
			shape = "flat"
		}
		b.Run(shape, func(b *testing.B) { f(b, history(b, 300, flat, true)) })
	}
}

func BenchmarkHead_First(b *testing.B) {
	shapes(b, func(b *testing.B, c *clone) {
		b.ReportAllocs()
		for b.Loop() {
			r := c.open()
			head(b, r)
			_ = r.Close()
		}
	})
}

func BenchmarkHead_NothingNew(b *testing.B) {
	shapes(b, func(b *testing.B, c *clone) {
		r := c.open()
		head(b, r)
		b.ReportAllocs()
		for b.Loop() {
			head(b, r)
		}
	})
}

func BenchmarkHead_OneFileOf1000Changed(b *testing.B) {
	shapes(b, func(b *testing.B, c *clone) {
		r, change := c.open(), newChanger(b, c)
		head(b, r)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			change.move(change.prepare())
			b.StartTimer()
			if s := head(b, r); len(s.Files) != 1000 {
				b.Fatal(len(s.Files))
			}
		}
	})
}

// From the moment the reference moves until the new listing is there.
func BenchmarkRun_PushToHead(b *testing.B) {
	c := history(b, 10, false, true)
	r, change := c.open(), newChanger(b, c)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	<-r.Changes()
	head(b, r)
	var worst time.Duration
	for b.Loop() {
		b.StopTimer()
		hash := change.prepare()
		b.StartTimer()
		start := time.Now()
		change.move(hash)
		for {
			<-r.Changes()
			if head(b, r).Commit.Hash == hash.String() {
				break
			}
		}
		worst = max(worst, time.Since(start))
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
	cancel()
	<-done
}

func BenchmarkLog_300Commits(b *testing.B) {
	shapes(b, func(b *testing.B, c *clone) {
		b.ReportAllocs()
		for b.Loop() {
			r := c.open()
			count := 0
			for _, err := range r.Log(b.Context(), "main") {
				if err != nil {
					b.Fatal(err)
				}
				count++
			}
			if count != 300 {
				b.Fatal(count)
			}
			_ = r.Close()
		}
	})
}

func BenchmarkBlob_All1000(b *testing.B) {
	shapes(b, func(b *testing.B, c *clone) {
		for b.Loop() {
			r := c.open()
			for _, e := range head(b, r).Files {
				if _, err := r.Blob(b.Context(), e.Blob, 0); err != nil {
					b.Fatal(err)
				}
			}
			_ = r.Close()
		}
	})
}

// Over HTTP on this machine; git http-backend takes most of it.
func BenchmarkRemote_OneFileOf1000Changed(b *testing.B) {
	c := history(b, 10, false, true)
	_, url := overHTTP(b, c)
	r, change := open(b, Config{URL: url}), newChanger(b, c)
	head(b, r)
	for b.Loop() {
		b.StopTimer()
		change.move(change.prepare())
		b.StartTimer()
		head(b, r)
	}
}
