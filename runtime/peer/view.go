package peer

import (
	"slices"

	"github.com/sluice-dev/sluice/runtime/activator"
)

// view is who takes part, as one activator sees it. It never changes.
type view struct {
	members []member // in the order of their names
	hash    uint64   // two views with the same members have the same
}

// member is one activator of a view.
type member struct {
	name   string
	hash   uint64
	lender *lender // nil: this process
}

func newView(members []member) *view {
	slices.SortFunc(members, func(a, b member) int { return cmpString(a.name, b.name) })
	v := &view{members: members, hash: offset}
	for i := range members {
		members[i].hash = mix(fnv(offset, members[i].name))
		v.hash = mix(v.hash ^ members[i].hash)
	}
	return v
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// owner is the member with the highest weight for k (rendezvous hashing): when
// one comes or goes, only its own share moves. nil is this process.
func (v *view) owner(k activator.Key) activator.Lender {
	h := fnv(fnv(fnv(offset, k.Namespace), "/"), k.Revision)
	var best *member
	var most uint64
	for i := range v.members {
		if w := mix(h ^ v.members[i].hash); best == nil || w > most {
			best, most = &v.members[i], w
		}
	}
	if best == nil || best.lender == nil {
		return nil
	}
	return best.lender
}

// lacks tells whether a member of w is none of v.
func (v *view) lacks(w *view) bool {
	for i := range w.members {
		if !slices.ContainsFunc(v.members, func(m member) bool { return m.name == w.members[i].name && m.lender == w.members[i].lender }) {
			return true
		}
	}
	return false
}

// offset and prime are FNV-1a's, for 64 bits.
const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

// fnv goes on hashing with s. (hash/fnv does the same with two allocations.)
func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

// mix spreads a hash over all bits: the finalizer of SplitMix64.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
