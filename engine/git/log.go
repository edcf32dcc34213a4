package git

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Log walks the first-parent history from a tag, branch or commit, newest
// first, with the files that each commit changed against its first parent. An
// empty from is the branch as it was at the last Head. An error is the last
// thing that comes.
func (r *Repository) Log(ctx context.Context, from string) iter.Seq2[CommitChange, error] {
	return func(yield func(CommitChange, error) bool) {
		next, err := r.start(ctx, from)
		for err == nil && !next.IsZero() {
			if err = ctx.Err(); err != nil {
				break
			}
			var change CommitChange
			if change, next, err = r.db.change(next); err == nil && !yield(change, nil) {
				return
			}
		}
		if err != nil {
			yield(CommitChange{}, r.wrapOnce(err))
		}
	}
}

func (r *Repository) wrapOnce(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	return r.wrap(err)
}

func (r *Repository) start(ctx context.Context, from string) (plumbing.Hash, error) {
	if from == "" {
		r.mu.Lock()
		last := r.last
		r.mu.Unlock()
		if !last.IsZero() {
			return last, nil
		}
		return r.source.tip(ctx, r.branch)
	}
	_, hash, err := r.find(ctx, from, false)
	if err != nil {
		return hash, err
	}
	if err := r.source.bring(ctx, hash); err != nil {
		return hash, err
	}
	return r.db.peel(hash)
}

// change says what a commit changed, and gives its first parent: zero where
// the history ends.
func (d *database) change(hash plumbing.Hash) (change CommitChange, parent plumbing.Hash, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		c, err := commitOf(s, hash)
		if err != nil {
			return err
		}
		change = CommitChange{Commit: commitFrom(c)}
		var before plumbing.Hash
		if before, parent, change.Cut, err = parentOf(s, c); err != nil {
			return err
		}
		return d.diff(s, &change.Files, "", before, c.TreeHash, 1)
	})
	return change, parent, err
}

// parentOf gives the tree and hash of a commit's first parent, if it has one
// and the repository holds it.
func parentOf(s *filesystem.Storage, c *object.Commit) (tree, hash plumbing.Hash, cut bool, err error) {
	if len(c.ParentHashes) == 0 {
		return tree, hash, false, nil
	}
	shallow, err := s.Shallow()
	if err != nil || slices.Contains(shallow, c.Hash) {
		return tree, hash, true, err
	}
	p, err := commitOf(s, c.ParentHashes[0])
	if err != nil {
		return tree, hash, false, err
	}
	return p.TreeHash, p.Hash, false, nil
}
