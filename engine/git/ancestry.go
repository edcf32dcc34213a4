package git

import (
	"container/heap"
	"errors"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	// clocks of the people who commit differ by at most this much.
	clockSkew = 24 * time.Hour
	// commits looked at before a history counts as another one.
	maxAncestors = 50_000
)

// isAncestor reports whether the commit old is now, or among those before it.
// It looks at the newest first and stops once all that are left are older
// than old can be. A commit that was pruned is nobody's ancestor.
func (d *database) isAncestor(old, now plumbing.Hash) (found bool, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		found, err = ancestor(s, old, now)
		return err
	})
	if errors.Is(err, ErrNoObject) {
		return false, nil
	}
	return found, err
}

func ancestor(s *filesystem.Storage, old, now plumbing.Hash) (bool, error) {
	if old == now {
		return true, nil
	}
	target, err := commitOf(s, old)
	if err != nil {
		return false, err
	}
	cut, err := s.Shallow()
	if err != nil {
		return false, err
	}
	horizon := target.Committer.When.Add(-clockSkew)
	queue, seen := &byDate{}, map[plumbing.Hash]bool{}
	if err := queue.add(s, seen, now); err != nil {
		return false, err
	}
	for queue.Len() > 0 && len(seen) < maxAncestors {
		c := heap.Pop(queue).(*object.Commit)
		if c.Hash == old {
			return true, nil
		}
		if c.Committer.When.Before(horizon) {
			break
		}
		if slices.Contains(cut, c.Hash) {
			continue // a shallow clone: its parents are not here
		}
		if err := queue.add(s, seen, c.ParentHashes...); err != nil {
			return false, err
		}
	}
	return false, nil
}

// byDate is a heap with the newest commit on top.
type byDate []*object.Commit

func (q byDate) Len() int           { return len(q) }
func (q byDate) Less(i, j int) bool { return q[i].Committer.When.After(q[j].Committer.When) }
func (q byDate) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byDate) Push(c any)        { *q = append(*q, c.(*object.Commit)) }

// Pop takes the last.
func (q *byDate) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}

func (q *byDate) add(s *filesystem.Storage, seen map[plumbing.Hash]bool, hashes ...plumbing.Hash) error {
	for _, hash := range hashes {
		if seen[hash] {
			continue
		}
		seen[hash] = true
		c, err := commitOf(s, hash)
		if err != nil {
			return err
		}
		heap.Push(q, c)
	}
	return nil
}
