package engine

import (
	"context"
	"errors"
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
