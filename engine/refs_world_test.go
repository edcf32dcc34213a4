package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema/contract"
)

// tag has a reference point to the branch's newest commit.
func (w *world) tag(name string) { w.refs[name] = w.commits[len(w.commits)-1] }

// branch pushes files to another branch, on top of what the trusted one has.
func (w *world) branch(ref, message string, files map[string]string) {
	c := w.commit(message, w.commits[len(w.commits)-1].files, files)
	c.Parents = []string{w.commits[len(w.commits)-1].Hash}
	w.branches++
	c.Hash = fmt.Sprintf("b%039d", w.branches)
	w.refs[ref] = c
}

// Find knows the references, and the commits by their hash.
func (w *world) Find(_ context.Context, name string) (git.Ref, error) {
	if w.gone != nil {
		return git.Ref{}, w.gone
	}
	for _, full := range []string{"refs/tags/" + name, "refs/heads/" + name, name} {
		if c, ok := w.refs[full]; ok {
			return git.Ref{Name: full, Commit: c.Hash}, nil
		}
	}
	if _, ok := w.find(name); ok {
		return git.Ref{Commit: name}, nil
	}
	return git.Ref{}, &git.Error{Repository: "memory", Kind: git.ErrNoRef, Advice: "push it, or name a tag, branch or commit that is there"}
}

func (w *world) find(hash string) (commit, bool) {
	for _, c := range append(slices.Clone(w.commits), slices.Collect(maps.Values(w.refs))...) {
		if c.Hash == hash {
			return c, true
		}
	}
	return commit{}, false
}

// Resolve lists a commit.
func (w *world) Resolve(_ context.Context, hash string) (git.Snapshot, error) {
	c, ok := w.find(hash)
	if !ok {
		return git.Snapshot{}, git.ErrNoObject
	}
	return w.snapshot(c), nil
}

// IsAncestor knows one line: that of the trusted branch.
func (w *world) IsAncestor(_ context.Context, old, now string) (bool, error) {
	return !strings.HasPrefix(old, "b") && old <= now, nil
}

// routes are the destinations of a VirtualService: a line a rule.
func (w *world) routes(name string) map[string]string {
	for id, o := range w.live {
		if id.Kind == "VirtualService" && id.Name == name {
			return rules(w.t, o.JSON, contract.HeaderRevision)
		}
	}
	return nil
}
