package engine

import (
	"cmp"
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

// Refs knows patterns that end in a star, or have one in the middle.
func (w *world) Refs(_ context.Context, patterns []string) ([]git.Ref, error) {
	if w.gone != nil || w.unlisted != nil {
		return nil, cmp.Or(w.gone, w.unlisted)
	}
	var out []git.Ref
	for _, name := range slices.Sorted(maps.Keys(w.refs)) {
		for _, pattern := range patterns {
			before, after, _ := strings.Cut(pattern, "*")
			if strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
				out = append(out, git.Ref{Name: name, Commit: w.refs[name].Hash})
			}
		}
	}
	return out, nil
}

// Compare knows branches of one commit on top of the trusted one.
func (w *world) Compare(_ context.Context, trunk, head string) (git.Comparison, error) {
	w.compared++
	c, ok := w.find(head)
	if !ok {
		return git.Comparison{}, git.ErrNoObject
	}
	if now, _ := w.find(trunk); slices.Contains(now.Parents, head) {
		return git.Comparison{Head: c.Commit, Base: head, Merged: true}, nil
	}
	out := git.Comparison{Head: c.Commit}
	base, _ := w.find(c.Parents[0])
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		if base.files[path] != c.files[path] {
			out.Files = append(out.Files, git.FileChange{Path: path, OldBlob: base.files[path], NewBlob: c.files[path]})
		}
	}
	return out, nil
}

// Signed believes a commit whose message says who signed it.
func (w *world) Signed(_ context.Context, hash string, keys []string) error {
	if c, _ := w.find(hash); slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(c.Message, "Signed: "+key) }) {
		return nil
	}
	return git.ErrUnsigned
}
