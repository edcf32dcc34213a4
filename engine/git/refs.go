package git

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Refs gives the references whose full names match one of the patterns, such
// as refs/heads/preview/* (one `*` stands for any text), sorted by name. Of a
// remote it is what the last Head saw, or a fresh look if there was none.
// References to anything but commits are left out.
func (r *Repository) Refs(ctx context.Context, patterns []string) ([]Ref, error) {
	all, err := r.source.references(ctx, false)
	if err != nil {
		return nil, err
	}
	if s, remote := r.source.(interface{ heard() bool }); remote && !s.heard() {
		// What an earlier run remembers is the branch alone.
		return nil, &Error{Repository: r.name, Kind: ErrUnreachable, Detail: "its references are not known yet", Advice: "trying again by itself"}
	}
	var refs []Ref
	peeled := map[plumbing.Hash]plumbing.Hash{} // many references may be at one object
	for name, ref := range all {
		match := func(pattern string) bool { return matchRef(pattern, name) }
		if !validRef(name) || !slices.ContainsFunc(patterns, match) {
			continue
		}
		if ref.commit.IsZero() {
			commit, known := peeled[ref.hash]
			if !known {
				if commit, err = r.db.peel(ref.hash); err != nil {
					continue
				}
				peeled[ref.hash] = commit
			}
			ref.commit = commit
		}
		refs = append(refs, Ref{Name: name, Commit: ref.commit.String()})
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
	return refs, nil
}
