package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/git"
)

// committed are the commits that the engine made; each is pushed at once.
type committed struct {
	w     *world
	all   []git.Change
	moved bool
}

func (c *committed) Commit(_ context.Context, change git.Change) (string, error) {
	c.all = append(c.all, change)
	if c.moved {
		return "", git.ErrMoved
	}
	c.w.push(change.Message, map[string]string{change.Path: c.w.blobs[change.Blob]})
	return c.w.commits[len(c.w.commits)-1].Hash, nil
}

// failing brings hello to a ramp whose second revision is found worse.
func failing(t *testing.T, settings string) (w *world, c *committed, first, second string) {
	w = newWorld(t)
	c = &committed{w: w}
	w.engine.cfg.Committer = c
	if settings != "" {
		w.push("settings", map[string]string{"sluice.yaml": settings})
	}
	first, second = w.ramp()
	w.engine.worse = verdicts{{"default", second}: "10 of 20 requests failed"}
	w.pass()
	return w, c, first, second
}

func TestRevert_IsMadeWhereTheRepositoryAsksForIt(t *testing.T) {
	w, c, first, second := failing(t, "rollouts: {revert: true}\n")
	if len(c.all) != 1 {
		t.Fatalf("commits: %+v", c.all)
	}
	change := c.all[0]
	want := "Revert \"two\"\n\nRevision " + second + " is on hold: 10 of 20 requests failed.\n\nThis gives hello.yaml back what it held before commit "
	if change.Path != "hello.yaml" || !strings.HasPrefix(change.Message, want) || w.blobs[change.Blob] != ramped("one", rampOfThree)["hello.yaml"] {
		t.Errorf("change: %+v", change)
	}
	w.pass()
	w.wantDefault("100% " + first)
	if s := w.spec("hello"); s.State != "Ready" || len(s.Rollouts) != 0 {
		t.Errorf("after it: %+v", s)
	}
	w.pass()
	if len(c.all) != 1 {
		t.Errorf("commits: %d", len(c.all))
	}
}

func TestRevert_IsNotMadeUnasked(t *testing.T) {
	if _, c, _, _ := failing(t, ""); len(c.all) != 0 {
		t.Errorf("commits: %+v", c.all)
	}
}

func TestRevert_OfAFileThatHasChangedSinceIsLeftToPeople(t *testing.T) {
	w := newWorld(t)
	c := &committed{w: w}
	w.engine.cfg.Committer = c
	w.push("settings", map[string]string{"sluice.yaml": "rollouts: {revert: true}\n"})
	first, second := w.ramp()
	w.push("a comment", map[string]string{"hello.yaml": ramped("two", rampOfThree)["hello.yaml"] + "# mind the gap\n"})
	w.pass()
	w.engine.worse = verdicts{{"default", second}: "it fails"}
	w.pass()
	w.pass()
	if len(c.all) != 0 {
		t.Errorf("commits: %+v", c.all)
	}
	w.wantDefault("100% " + first)
}

func TestRevert_ThatCannotBePushedIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	c := &committed{w: w, moved: true}
	w.engine.cfg.Committer = c
	w.push("settings", map[string]string{"sluice.yaml": "rollouts: {revert: true}\n"})
	_, second := w.ramp()
	w.engine.worse = verdicts{{"default", second}: "it fails"}
	w.pass()
	w.pass()
	if len(c.all) != 1 {
		t.Errorf("%d tries at once", len(c.all))
	}
	c.moved, w.now = false, w.now.Add(revertAgain)
	w.pass()
	if len(c.all) != 2 {
		t.Errorf("%d tries after a minute", len(c.all))
	}
}
