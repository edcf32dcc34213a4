package git

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Comparison is what a commit has changed since it left another one's line.
type Comparison struct {
	// Head is the commit that was compared.
	Head Commit
	// Base is where the two lines part; empty if they have nothing in common.
	Base string
	// Merged: the commit is part of the other line.
	Merged bool
	// Files differ between Base and Head, sorted by path; all of Head's
	// without a Base. Nothing is listed of folders that are equal.
	Files []FileChange
}

// Compare says what the commit head has changed since it left the line of
// trunk. Both are full hashes; head is fetched if it has to be.
func (r *Repository) Compare(ctx context.Context, trunk, head string) (Comparison, error) {
	ours, ok := hashOf(trunk)
	theirs, also := hashOf(head)
	if !ok || !also {
		return Comparison{}, r.wrap(fmt.Errorf("%w: %q and %q are no two commits", ErrNoObject, trunk, head))
	}
	if err := r.source.bring(ctx, theirs); err != nil {
		return Comparison{}, err
	}
	var out Comparison
	err := r.db.read(func(s *filesystem.Storage) (err error) {
		out, err = r.db.compare(s, ours, theirs)
		return err
	})
	return out, r.wrap(err)
}

func (d *database) compare(s *filesystem.Storage, ours, theirs plumbing.Hash) (Comparison, error) {
	c, err := commitOf(s, theirs)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Head: commitFrom(c)}
	base, err := mergeBase(s, ours, theirs)
	if err != nil {
		return out, err
	}
	var before plumbing.Hash
	if base != nil {
		out.Base, before = base.Hash.String(), base.TreeHash
	}
	if out.Merged = base != nil && base.Hash == theirs; out.Merged {
		return out, nil
	}
	return out, d.diff(s, &out.Files, "", before, c.TreeHash, 1)
}

// What is known of a commit on the way down: which side has reached it, and
// that it lies below one that both have.
const (
	fromOurs = 1 << iota
	fromTheirs
	below
	both = fromOurs | fromTheirs
)

// mergeBase is the newest commit that both lines have; nil if none is found
// among the newest maxAncestors.
func mergeBase(s *filesystem.Storage, ours, theirs plumbing.Hash) (*object.Commit, error) {
	cut, err := s.Shallow()
	if err != nil {
		return nil, err
	}
	w := descent{storage: s, marks: map[plumbing.Hash]int{}, waiting: map[plumbing.Hash]int{}}
	if err := errors.Join(w.mark(ours, fromOurs), w.mark(theirs, fromTheirs)); err != nil {
		return nil, err
	}
	var found []*object.Commit
	for w.open > 0 && len(w.marks) < maxAncestors {
		c, marks := w.next()
		if marks&both == both && marks&below == 0 {
			found = append(found, c)
			marks |= below
		}
		if slices.Contains(cut, c.Hash) {
			continue // a shallow clone: its parents are not here
		}
		for _, parent := range c.ParentHashes {
			if err := w.mark(parent, marks); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range found {
		if w.marks[c.Hash]&below == 0 {
			return c, nil
		}
	}
	return nil, nil
}

// descent goes down from two commits, the newest first. A commit that is found
// to be more than was known is gone down from again: dates need not be true.
type descent struct {
	storage *filesystem.Storage
	queue   byDate
	marks   map[plumbing.Hash]int
	// waiting is how often a commit is in the queue, open how many in it are not
	// below a commit that both have.
	waiting map[plumbing.Hash]int
	open    int
}

// mark adds what is known of a commit, and queues it if that is news.
func (w *descent) mark(hash plumbing.Hash, marks int) error {
	before := w.marks[hash]
	if before|marks == before {
		return nil
	}
	c, err := commitOf(w.storage, hash)
	if err != nil {
		return err
	}
	if before&below == 0 {
		w.open -= w.waiting[hash]
	}
	w.marks[hash] = before | marks
	heap.Push(&w.queue, c)
	w.waiting[hash]++
	if w.marks[hash]&below == 0 {
		w.open += w.waiting[hash]
	}
	return nil
}

// next takes the newest commit from the queue.
func (w *descent) next() (*object.Commit, int) {
	c := heap.Pop(&w.queue).(*object.Commit)
	marks := w.marks[c.Hash]
	w.waiting[c.Hash]--
	if marks&below == 0 {
		w.open--
	}
	return c, marks
}

// IsAncestor reports whether a commit is another one, or among those before
// it. A commit that is not there is nobody's ancestor.
func (r *Repository) IsAncestor(ctx context.Context, old, now string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	a, ok := hashOf(old)
	b, also := hashOf(now)
	if !ok || !also {
		return false, nil
	}
	found, err := r.db.isAncestor(a, b)
	return found, r.wrap(err)
}
