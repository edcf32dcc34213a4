package git

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestRun_SignalsALocalPushAtOnce(t *testing.T) {
	c := newClone(t)
	c.push("a", "0")
	r := c.open()
	watch(t, r)
	for i := range 5 {
		await(t, r, c.push("a", fmt.Sprint(i+1)))
	}
}

func TestRun_SeesABranchDeepInFoldersThatDidNotExist(t *testing.T) {
	c := newClone(t)
	r := open(t, Config{URL: c.bare, Branch: "teams/blue/main", Poll: time.Hour})
	watch(t, r)
	<-r.Changes() // the watch stands
	c.write("a", "a")
	hash := c.commit("a")
	c.git("push", "--quiet", "origin", "HEAD:teams/blue/main")
	await(t, r, hash)
}

func TestRun_SeesARepositoryThatIsMadeLater(t *testing.T) {
	c := newClone(t)
	c.push("a", "a")
	later := filepath.Join(t.TempDir(), "later", "repo.git")
	r := open(t, Config{URL: later, Poll: time.Hour})
	watch(t, r)
	<-r.Changes()
	run(t, c.work, "init", "--quiet", "--bare", later)
	c.git("push", "--quiet", later, "HEAD:main")
	await(t, r, c.git("rev-parse", "HEAD"))
}

func TestRun_SeesACommitInAWorkTree(t *testing.T) {
	c := newClone(t)
	r := open(t, Config{URL: c.work, Poll: time.Hour})
	watch(t, r)
	c.write("a", "a")
	await(t, r, c.commit("a"))
}

func TestRun_SeesWhatMovesInPackedRefs(t *testing.T) {
	c := newClone(t)
	first := c.push("a", "1")
	second := c.push("a", "2")
	run(t, c.bare, "pack-refs", "--all")
	r := open(t, Config{URL: c.bare, Poll: time.Hour})
	watch(t, r)
	await(t, r, second)
	packed := filepath.Join(c.bare, "packed-refs")
	if err := os.WriteFile(packed+".lock", []byte("# pack-refs with: peeled fully-peeled sorted\n"+first+" refs/heads/main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(packed+".lock", packed); err != nil {
		t.Fatal(err)
	}
	await(t, r, first)
}

func TestRun_FindsByPollingWhatNoEventTold(t *testing.T) {
	c := newClone(t)
	c.push("a", "1")
	l, _ := newLocal(Config{Branch: "main"}.withDefaults(), location{scheme: "file", path: c.bare})
	w := &watcher{repo: l}
	if !w.moved(t.Context()) || w.moved(t.Context()) {
		t.Error("an unmoved branch counts as moved")
	}
	c.push("a", "2")
	if !w.moved(t.Context()) {
		t.Error("a moved branch does not count as moved")
	}
}

func TestRun_TwiceIsRefused(t *testing.T) {
	c := newClone(t)
	r := c.open()
	watch(t, r)
	<-r.Changes()
	if err := r.Run(t.Context()); err == nil {
		t.Error("two watches run at once")
	}
}

// Readers go on while others push, repack and prune.
func TestHead_StaysReadableWhileGitCollectsGarbage(t *testing.T) {
	c := newClone(t)
	for i := range 30 {
		c.write(fmt.Sprintf("specs/%d.yaml", i), fmt.Sprint(i))
	}
	c.push("a", "0")
	r := c.open()
	done := make(chan struct{})
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s, err := r.Head(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				r.db.objects.Clear()
				for _, e := range s.Files {
					if _, err := r.Blob(t.Context(), e.Blob, 0); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range 12 {
		c.push("a", fmt.Sprint(i+1))
		run(t, c.bare, "gc", "--quiet", "--prune=now")
	}
	close(done)
	work.Wait()
}
