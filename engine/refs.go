package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// References is what a Repository knows beside its branch. *git.Repository is one.
type References interface {
	// Find says which commit a tag, branch or hash stands for.
	Find(ctx context.Context, name string) (git.Ref, error)
	// Resolve lists that commit's files.
	Resolve(ctx context.Context, name string) (git.Snapshot, error)
	// IsAncestor reports whether a commit is another one, or before it.
	IsAncestor(ctx context.Context, old, now string) (bool, error)
	// Refs lists the references that match one of the patterns.
	Refs(ctx context.Context, patterns []string) ([]git.Ref, error)
	// Compare says what a commit changed since it left the line of trunk.
	Compare(ctx context.Context, trunk, head string) (git.Comparison, error)
	// Signed reports with nil that one of the keys has signed a commit.
	Signed(ctx context.Context, commit string, keys []string) error
}

// gitRefs is what the Git refs that traffic names describe.
type gitRefs struct {
	found map[string]foundRef
	of    map[refKey]render.Ref
	// described remembers, by tree: what a tree holds never changes.
	described map[treeKey]render.Ref
	// aside are the builds of what refs have of sources.
	aside aside
}

// foundRef is what a name stands for.
type foundRef struct {
	git.Ref
	snapshot git.Snapshot
	problem  string
}

type refKey struct {
	configurationKey
	gitRef string
}

type treeKey struct {
	configurationKey
	tree string
}

// treesKept bounds how many answers are remembered.
const treesKept = 4096

// lookRefs finds out what the refs that specs name describe now. One that
// cannot be reached stays what it was.
func (e *Engine) lookRefs(ctx context.Context) {
	old := e.refs.found
	e.refs.found, e.refs.of, e.refs.aside = map[string]foundRef{}, map[refKey]render.Ref{}, aside{}
	if len(e.refs.described) > treesKept {
		e.refs.described = nil
	}
	if e.refs.described == nil {
		e.refs.described = map[treeKey]render.Ref{}
	}
	for _, u := range e.units {
		for _, r := range u.nouns.Routes {
			for _, t := range r.Targets {
				if t.GitRef != "" {
					e.lookRef(ctx, u, refKey{configurationKey{u.namespace(), r.Service}, t.GitRef}, old)
				}
			}
		}
	}
}

// lookRef finds out what one ref describes of one unit.
func (e *Engine) lookRef(ctx context.Context, u *unit, key refKey, old map[string]foundRef) {
	f, known := e.refs.found[key.gitRef]
	if !known {
		var err error
		if f, err = e.findRef(ctx, key.gitRef, old[key.gitRef]); err != nil {
			e.cfg.Log.Warn("ref cannot be read", "ref", key.gitRef, "error", err)
			if f, known = old[key.gitRef]; !known {
				return
			}
		}
		e.refs.found[key.gitRef] = f
	}
	if f.problem != "" {
		e.refs.of[key] = render.Ref{Problem: f.problem}
		return
	}
	ref, err := e.describedAt(ctx, f.snapshot, key.configurationKey, u.entry.File)
	if err == nil && ref.Workload != nil {
		bound := u.binds(desired.Nouns{Workloads: []desired.Workload{*ref.Workload}})
		ref.Workload = &bound.Workloads[0]
		if ref, err = e.trusts(ctx, f, key.configurationKey, ref); err == nil && ref.Workload != nil {
			ref = e.joinRef(f, key.gitRef, ref)
		}
	}
	if err != nil {
		e.cfg.Log.Warn("ref cannot be read", "ref", key.gitRef, "error", err)
		return
	}
	e.refs.of[key] = ref
}

// joinRef has what a ref describes be built from the ref's own sources, as the
// trusted branch builds it now.
func (e *Engine) joinRef(f foundRef, name string, ref render.Ref) render.Ref {
	tree := otherTree{snapshot: f.snapshot, tag: "ref-" + tagOf(name), touches: func(string) bool { return true }}
	w, wrong := e.join(&e.refs.aside, *ref.Workload, tree)
	if wrong != "" {
		return render.Ref{Problem: wrong}
	}
	return render.Ref{Workload: &w}
}

// tagOf is a tag for images that a ref's name makes.
func tagOf(name string) string {
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", r) {
			return r
		}
		return '-'
	}, name)
	return clean[:min(len(clean), 100)]
}

// findRef finds a ref, and its files if it has moved.
func (e *Engine) findRef(ctx context.Context, name string, old foundRef) (foundRef, error) {
	if e.cfg.References == nil {
		return foundRef{problem: "only a Git repository knows it: this is none"}, nil
	}
	ref, err := e.cfg.References.Find(ctx, name)
	if wrong, ok := errors.AsType[*git.Error](err); ok && wrong.Kind == git.ErrNoRef {
		return foundRef{problem: fmt.Sprintf("%v; %s", wrong.Kind, wrong.Advice)}, nil
	}
	if err != nil || ref == old.Ref {
		return old, err
	}
	snapshot, err := e.cfg.References.Resolve(ctx, ref.Commit)
	if errors.Is(err, git.ErrLimit) {
		return foundRef{problem: err.Error()}, nil
	}
	return foundRef{Ref: ref, snapshot: snapshot}, err
}

// trusts holds a branch that is not part of the trusted one to what a preview
// may change: who pushes to it could otherwise run anything. A tag or hash is
// what the trusted branch says it is.
func (e *Engine) trusts(ctx context.Context, f foundRef, key configurationKey, ref render.Ref) (render.Ref, error) {
	if f.Name == "" || strings.HasPrefix(f.Name, "refs/tags/") {
		return ref, nil
	}
	part, err := e.cfg.References.IsAncestor(ctx, f.Commit, e.snapshot.Commit.Hash)
	if err != nil || part {
		return ref, err
	}
	ours, ok := e.latest[key]
	if !ok {
		return ref, nil
	}
	if what := preview.Differs(ours.workload().Template, ref.Workload.Template); what != "" {
		ref = render.Ref{Problem: fmt.Sprintf("it changes %s; of a branch that is not merged only image, env and args of a template may differ", what)}
	}
	return ref, nil
}

// describedAt is the workload of a configuration that a tree describes. The
// hint is the file where it is looked for first.
func (e *Engine) describedAt(ctx context.Context, s git.Snapshot, key configurationKey, hint string) (render.Ref, error) {
	at := treeKey{key, s.Tree}
	if ref, ok := e.refs.described[at]; ok && s.Tree != "" {
		return ref, nil
	}
	files := slices.DeleteFunc(slices.Clone(s.Files), func(f git.Entry) bool { return !f.Mode.IsFile() || !e.settings.Wants(loadFile(f)) })
	slices.SortStableFunc(files, func(a, b git.Entry) int { return b2i(b.Path == hint) - b2i(a.Path == hint) })
	out := render.Ref{Problem: fmt.Sprintf("it describes no Service %s in namespace %s", key.name, key.namespace)}
	for _, f := range files {
		ref, found, err := e.describedIn(ctx, f, key)
		if err != nil {
			return out, err
		}
		if found {
			out = ref
			break
		}
	}
	e.refs.described[at] = out
	return out, nil
}

// describedIn looks into one file. One that does not hold the name is not
// even parsed.
func (e *Engine) describedIn(ctx context.Context, f git.Entry, key configurationKey) (ref render.Ref, found bool, err error) {
	part, known := e.parts[partKey{f.Path, f.Blob, f.Mode}]
	if !known {
		data, err := e.cfg.Repository.Blob(ctx, f.Blob, load.MaxSize)
		if errors.Is(err, git.ErrLimit) || err == nil && !bytes.Contains(data, []byte(key.name)) {
			return ref, false, nil
		}
		if err != nil {
			return ref, false, err
		}
		part = load.Read(load.File{Path: f.Path, Blob: f.Blob, Data: data}, e.cfg.Kinds)
	}
	for _, w := range workloads(part) {
		if w.Namespace == key.namespace && w.Configuration == key.name {
			return render.Ref{Workload: &w}, true, nil
		}
	}
	for _, p := range part.Problems {
		if p.Severity == schema.Error && p.Identity.Namespace == key.namespace && p.Identity.Name == key.name {
			return render.Ref{Problem: "what it describes has an error: " + p.String()}, true, nil
		}
	}
	return ref, false, nil
}

// refsOf are the answers that a unit's routes ask for.
func (e *Engine) refsOf(u *unit) map[string]render.Ref {
	var out map[string]render.Ref
	for _, r := range u.nouns.Routes {
		for _, t := range r.Targets {
			if ref, ok := e.refs.of[refKey{configurationKey{u.namespace(), r.Service}, t.GitRef}]; ok {
				if out == nil {
					out = map[string]render.Ref{}
				}
				out[t.GitRef] = ref
			}
		}
	}
	return out
}

// refPrint appends what render is told of a target's ref.
func (e *Engine) refPrint(b []byte, u *unit, r desired.Route, t desired.Target) []byte {
	ref, ok := e.refs.of[refKey{configurationKey{u.namespace(), r.Service}, t.GitRef}]
	if !ok {
		return b
	}
	name := ""
	if ref.Workload != nil {
		name = ref.Workload.Revision
	}
	return appendTexts(b, "ref", t.GitRef, name, ref.Problem)
}
