package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/plan"
)

// signals is a watcher whose every signal is taken before send returns.
type signals chan struct{}

func (s signals) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s signals) Changes() <-chan struct{}      { return s }
func (s signals) send()                         { s <- struct{}{} }

// blind is a repository whose branch cannot be read for a while.
type blind struct {
	Repository
	err error
}

func (b *blind) Head(ctx context.Context) (git.Snapshot, error) {
	if b.err != nil {
		return git.Snapshot{}, b.err
	}
	return b.Repository.Head(ctx)
}

// What moves while steps run is looked at afterwards, whatever it is.
func TestApply_WhatMovesMeanwhileIsNotForgotten(t *testing.T) {
	for _, what := range []string{"a ref beside the branch", "the branch, which cannot be read just now"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			s := signals(make(chan struct{}))
			w.engine.cfg.Watcher = s
			b := &blind{Repository: w}
			w.engine.cfg.Repository = b
			first := w.serve("one")
			once := false
			w.refuse = func(plan.Step) error {
				if once {
					return nil
				}
				once = true
				if what == "a ref beside the branch" {
					w.branch(blueRef, "blue", map[string]string{"hello.yaml": hello("hello", "blue")})
				} else {
					w.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
					b.err = errors.New("no answer")
				}
				s.send()
				return nil
			}
			delete(w.live, deploymentID(first)) // to be healed
			if wait := w.engine.pass(t.Context(), false); wait != 0 {
				t.Errorf("the next pass is due in %s", wait)
			}
			b.err = nil
			if !w.engine.await(t.Context(), 0) {
				t.Error("the next pass looks at nothing")
			}
			w.engine.pass(t.Context(), true)
			if n := len(w.revisions("hello")); n != 2 {
				t.Errorf("revisions beside %s: %v", first, w.revisions("hello"))
			}
			if wait := w.engine.pass(t.Context(), true); wait == 0 {
				t.Error("it goes on looking")
			}
		})
	}
}

// interrupted is what refs are compared by; the first comparison takes so long
// that the branch moves meanwhile.
type interrupted struct {
	*world
	signal chan struct{}
	once   bool
}

func (i *interrupted) Compare(ctx context.Context, trunk, head string) (git.Comparison, error) {
	if !i.once {
		i.once = true
		i.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
		i.signal <- struct{}{}
	}
	return i.world.Compare(ctx, trunk, head)
}

func TestPreview_ThatAreComparedLetTheBranchGoFirst(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	signal := make(chan struct{}, 1)
	w.engine.cfg.Watcher, w.engine.cfg.References = signals(signal), &interrupted{world: w, signal: signal}
	for n := range 8 {
		w.branch(fmt.Sprintf("refs/heads/preview/p%d", n), "x", map[string]string{"hello.yaml": hello("hello", fmt.Sprint("p", n))})
	}
	w.compared = 0
	if wait := w.engine.pass(t.Context(), true); wait != 0 || w.compared != 1 {
		t.Errorf("%d refs were compared, the next pass is due in %s", w.compared, wait)
	}
	w.writes = nil
	w.engine.pass(t.Context(), true)
	if len(w.writes) == 0 || w.compared > 9 {
		t.Errorf("wrote %v, compared %d", w.writes, w.compared)
	}
	w.now = w.engine.previews.due
	w.pass()
	if n := len(w.revisions("hello")); n != 10 {
		t.Errorf("%d revisions beside %s, want those of the branch and 8", n, first)
	}
}
