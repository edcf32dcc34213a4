package activator

import (
	"cmp"
	"slices"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// retire notes whether a pod is to go. The caller holds mu.
func (v *revision) retire(p *pod, retiring bool) {
	if p.retiring == retiring {
		return
	}
	p.retiring = retiring
	if p.index != none {
		v.usable.up(p.index)
		v.usable.down(p.index)
	}
	if v.active.Load() {
		v.owner.active.press() // the autoscaler waits to hear that it is known
	}
}

// Pods are those of a revision that take requests, most of them at most: those
// that are to go first, then the least busy.
func (a *Activator) Pods(k Key, most int) []stat.Pod {
	v := a.revisions.find(k)
	if v == nil {
		return nil
	}
	v.lock()
	all := make([]stat.Pod, 0, len(v.usable))
	for _, p := range v.usable {
		all = append(all, stat.Pod{Name: p.name, InFlight: p.own, Retiring: p.retiring})
	}
	v.unlock()
	slices.SortFunc(all, func(x, y stat.Pod) int {
		if x.Retiring != y.Retiring {
			if x.Retiring {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.InFlight, y.InFlight), cmp.Compare(x.Name, y.Name))
	})
	return all[:min(most, len(all))]
}

// Durations counts how long a revision's requests have taken so far.
func (a *Activator) Durations(k Key) stat.Counts {
	if v := a.revisions.find(k); v != nil {
		return v.stats.duration.Counts()
	}
	return stat.Counts{}
}

// Errors counts a revision's requests that were answered with 500 or more, or
// not to the end.
func (a *Activator) Errors(k Key) uint64 {
	if v := a.revisions.find(k); v != nil {
		return v.stats.byClass[5].Load()
	}
	return 0
}

// Trouble tells why the pods that a revision was given do not become ready.
// Who waits in vain is told; it is forgotten when one becomes ready.
func (a *Activator) Trouble(k Key, why string) {
	v := a.revisions.find(k)
	if v == nil {
		return
	}
	v.lock()
	defer v.unlock()
	if len(v.usable) == 0 {
		v.told = why
	}
}
