package activator

import (
	"hash/maphash"
	"sync"
)

const shards = 32

// table finds a revision by name. It is cut into parts so that requests for
// different revisions do not meet.
type table struct {
	owner  *Activator
	limits limits
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu sync.RWMutex // guards m
	m  map[Key]*revision
}

func (t *table) init(owner *Activator, l limits) {
	t.owner, t.limits, t.seed = owner, l, maphash.MakeSeed()
	for i := range t.shards {
		t.shards[i].m = map[Key]*revision{}
	}
}

func (t *table) shard(k Key) *shard {
	return &t.shards[maphash.String(t.seed, k.Revision)%shards]
}

// find is the revision, or nil.
func (t *table) find(k Key) *revision {
	s := t.shard(k)
	s.mu.RLock()
	v := s.m[k]
	s.mu.RUnlock()
	return v
}

// get is the revision, made if there is none.
func (t *table) get(k Key) *revision {
	if v := t.find(k); v != nil {
		return v
	}
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.m[k]
	if v == nil {
		v = &revision{key: k, owner: t.owner, limits: t.limits, pods: map[string]*pod{}}
		v.loans.lender = t.owner.lender(k)
		v.loans.held = v.loans.lender == nil && t.owner.unsettled.Load()
		s.m[k] = v
	}
	return v
}

// retire forgets a revision that has neither pods nor waiters nor requests.
func (t *table) retire(v *revision) {
	s := t.shard(v.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	v.lock()
	defer v.unlock()
	if !v.retired && v.running == 0 && v.unused() {
		v.retired = true
		for g := range v.loans.lent {
			g.unvisits(v)
		}
		delete(s.m, v.key)
	}
}

// each calls f for every revision, without holding a lock.
func (t *table) each(f func(*revision)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		all := make([]*revision, 0, len(s.m))
		for _, v := range s.m {
			all = append(all, v)
		}
		s.mu.RUnlock()
		for _, v := range all {
			f(v)
		}
	}
}
