package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/google/go-cmp/cmp"
)

// each runs a test over both transports, in memory and in a folder.
func each(t *testing.T, f func(t *testing.T, c *clone, config Config)) {
	for _, transport := range []string{"http", "ssh"} {
		for _, dir := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, dir %v", transport, dir), func(t *testing.T) {
				c := newClone(t)
				config := Config{}
				if transport == "http" {
					_, config.URL = overHTTP(t, c)
				} else {
					config = newSSHServer(t).config(c.bare)
				}
				if dir {
					config.Dir = t.TempDir()
				}
				f(t, c, config)
			})
		}
	}
}

func TestRemote_IsFetchedOnceAndThenBitByBit(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		for i := range 100 {
			c.write(fmt.Sprintf("specs/%d.yaml", i), strings.Repeat(fmt.Sprint(i), 1000))
		}
		first := c.push("a", "1")
		r := open(t, config)
		s := head(t, r)
		if s.Commit.Hash != first || len(s.Files) != 101 || read(t, r, s, "a") != "1" {
			t.Fatalf("%+v", s.Commit)
		}
		for i := range 5 {
			hash := c.push("a", fmt.Sprint("again ", i))
			s := head(t, r)
			if s.Commit.Hash != hash || s.Rewritten || len(s.Files) != 101 || read(t, r, s, "a") != fmt.Sprint("again ", i) {
				t.Fatalf("push %d: %+v", i, s.Commit)
			}
		}
		count := 0
		for _, err := range r.Log(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		if count != 6 {
			t.Errorf("the log has %d commits, want 6", count)
		}
	})
}

func TestRemote_ForcePushIsFollowedAndTold(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		first := c.push("a", "1")
		second := c.push("a", "2")
		r := open(t, config)
		head(t, r)
		c.git("reset", "--quiet", "--hard", first)
		c.write("a", "3")
		third := c.commit("another second")
		c.git("push", "--quiet", "--force", "origin", "HEAD:main")
		run(t, c.bare, "reflog", "expire", "--expire=now", "--all")
		run(t, c.bare, "gc", "--quiet", "--prune=now")
		s := head(t, r)
		if !s.Rewritten || s.Previous != second || s.Commit.Hash != third || read(t, r, s, "a") != "3" {
			t.Fatalf("%+v", s)
		}
		c.git("checkout", "--quiet", "--orphan", "unrelated")
		fourth := c.commit("unrelated")
		c.git("push", "--quiet", "--force", "origin", "HEAD:main")
		if s := head(t, r); !s.Rewritten || s.Commit.Hash != fourth {
			t.Fatalf("%+v", s)
		}
	})
}

func TestRemote_NewsOverHTTPCostTwoSmallRequests(t *testing.T) {
	c := newClone(t)
	for i := range 200 {
		c.write(fmt.Sprintf("specs/%d.yaml", i), strings.Repeat(fmt.Sprint(i), 1000))
	}
	c.push("a", "1")
	b, url := overHTTP(t, c)
	r := open(t, Config{URL: url})
	head(t, r)
	requests, sent := b.requests.Load(), b.sent.Load()
	head(t, r)
	if n := b.requests.Load() - requests; n != 1 {
		t.Errorf("no news cost %d requests, want 1", n)
	}
	c.push("a", "2")
	head(t, r)
	if n := b.requests.Load() - requests; n != 3 {
		t.Errorf("no news and news cost %d requests, want 1 + 2", n)
	}
	if n := b.sent.Load() - sent; n > 20_000 {
		t.Errorf("news cost %d bytes, the clone %d", n, sent)
	}
}

func TestRemote_DirIsUsedAgainAndReadableWhileTheRemoteIsAway(t *testing.T) {
	c := newClone(t)
	hash := c.push("a", "kept")
	b, url := overHTTP(t, c)
	dir := t.TempDir()
	head(t, open(t, Config{URL: url, Dir: dir}))
	sent := b.sent.Load()
	r := open(t, Config{URL: url, Dir: dir})
	head(t, r)
	if n := b.sent.Load() - sent; n > 500 {
		t.Errorf("the second start fetched %d bytes", n)
	}
	b.down.Store(true)
	r = open(t, Config{URL: url, Dir: dir})
	if _, err := r.Head(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "503") {
		t.Errorf("Head of a remote that is away: %v", err)
	}
	s, err := r.Resolve(t.Context(), "main")
	if err != nil || s.Commit.Hash != hash || read(t, r, s, "a") != "kept" {
		t.Errorf("the last commit is not readable: %v", err)
	}
}

func TestRemote_CloneIsMadeAfreshWhenItHasManyPacks(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		first := c.push("a", "1")
		r := open(t, config)
		head(t, r)
		second := c.push("a", "2")
		m := r.source.(*remote)
		err := m.converse(t.Context(), func(ctx context.Context, s session, adv *packp.AdvRefs) error {
			return m.fetchAfresh(ctx, s, adv, adv.References["refs/heads/main"])
		})
		if err != nil {
			t.Fatal(err)
		}
		s := head(t, r)
		if s.Commit.Hash != second || s.Previous != first || s.Rewritten || read(t, r, s, "a") != "2" {
			t.Errorf("%+v", s)
		}
		if config.Dir == "" {
			return
		}
		left, err := os.ReadDir(config.Dir)
		if err != nil || len(left) != 1 || left[0].Name() != "clone-2" {
			t.Errorf("left in the folder: %v, %v", left, err)
		}
		again := open(t, config)
		if s := head(t, again); s.Commit.Hash != second {
			t.Errorf("%+v", s)
		}
	})
}

func TestRemote_SaysWhichBranchesThereAre(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		_, err := open(t, config).Head(t.Context())
		if !errors.Is(err, ErrNoBranch) || !strings.Contains(err.Error(), "push a commit to main") {
			t.Errorf("empty repository: %v", err)
		}
		c.push("a", "a")
		config.Branch = "trunk"
		_, err = open(t, config).Head(t.Context())
		if !errors.Is(err, ErrNoBranch) || !strings.Contains(err.Error(), "main") {
			t.Errorf("missing branch: %v", err)
		}
		config.URL += "x"
		if _, err = open(t, config).Head(t.Context()); !errors.Is(err, ErrNoRepository) {
			t.Errorf("missing repository: %v", err)
		}
	})
}

func TestRemote_ResolvesWhatIsNotOnTheBranch(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		first := c.push("a", "1")
		second := c.push("a", "2")
		r := open(t, config)
		head(t, r)
		c.git("checkout", "--quiet", "-b", "preview/blue", first)
		c.write("a", "blue")
		blue := c.commit("blue")
		c.git("tag", "--annotate", "--message", "first", "v1", blue)
		c.git("push", "--quiet", "origin", "preview/blue", "v1")
		for name, want := range map[string]string{"preview/blue": blue, "v1": blue, "refs/tags/v1": blue, first: first, first[:7]: first, second: second} {
			s, err := r.Resolve(t.Context(), name)
			if err != nil || s.Commit.Hash != want {
				t.Errorf("%s: %v, %v", name, s.Commit.Hash, err)
			}
		}
		refs, err := r.Refs(t.Context(), []string{"refs/heads/preview/*", "refs/tags/*"})
		if diff := cmp.Diff([]Ref{{"refs/heads/preview/blue", blue}, {"refs/tags/v1", blue}}, refs); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if s := head(t, r); s.Commit.Hash != second || s.Rewritten {
			t.Errorf("Resolve moved the branch: %+v", s)
		}
		if _, err := r.Resolve(t.Context(), "v2"); !errors.Is(err, ErrNoRef) {
			t.Errorf("v2: %v", err)
		}
	})
}

func TestRun_PollsARemoteAndRecoversByItself(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		config.Poll = 20 * time.Millisecond
		r := open(t, config)
		watch(t, r)
		first := c.push("a", "1")
		await(t, r, first)
		away := c.bare + ".away"
		if err := os.Rename(c.bare, away); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := r.Head(t.Context()); errors.Is(err, ErrNoRepository) {
				break
			}
		}
		if err := os.Rename(away, c.bare); err != nil {
			t.Fatal(err)
		}
		await(t, r, c.push("a", "2"))
	})
}

func TestHead_AfterAPollNeedsNoRequestOfItsOwn(t *testing.T) {
	c := newClone(t)
	c.push("a", "1")
	b, url := overHTTP(t, c)
	r := open(t, Config{URL: url, Poll: time.Hour})
	watch(t, r)
	<-r.Changes()
	requests := b.requests.Load()
	head(t, r)
	if n := b.requests.Load() - requests; n != 0 {
		t.Errorf("%d requests for what the poll had found", n)
	}
	hash := c.push("a", "2")
	r.Hint()
	<-r.Changes()
	if s := head(t, r); s.Commit.Hash != hash {
		t.Errorf("a hint did not lead to a look: %+v", s)
	}
}

func TestHead_MendsACloneThatLostAPack(t *testing.T) {
	c := newClone(t)
	c.push("folder/a", "kept in the first pack")
	_, url := overHTTP(t, c)
	dir := t.TempDir()
	config := Config{URL: url, Dir: dir}
	r := open(t, config)
	head(t, r)
	packs, err := filepath.Glob(filepath.Join(dir, "clone-1/objects/pack/*"))
	if err != nil || len(packs) != 2 {
		t.Fatal(packs, err)
	}
	hash := c.push("b", "b")
	head(t, r)
	for _, name := range packs {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, config)
	if s := head(t, again); s.Commit.Hash != hash || read(t, again, s, "folder/a") != "kept in the first pack" {
		t.Errorf("%+v", s)
	}
}
