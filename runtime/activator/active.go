package activator

import "sync"

// activity is the revisions that have requests, or had some lately: those of
// which the autoscaler wants to hear.
type activity struct {
	mu   sync.Mutex // guards set
	set  map[*revision]struct{}
	hint chan struct{} // one place: something began that cannot wait
}

// Hints gets a value, at most one waiting, when a revision becomes active or
// begins to queue.
func (a *Activator) Hints() <-chan struct{} { return a.active.hint }

func (a *activity) press() {
	select {
	case a.hint <- struct{}{}:
	default:
	}
}

// touch makes the revision active. It is called when a request has its place
// or stands in the line, so that Active, which looks there after it has
// forgotten a revision, cannot miss it.
func (v *revision) touch() {
	if v.active.Load() || !v.active.CompareAndSwap(false, true) {
		return
	}
	a := &v.owner.active
	a.mu.Lock()
	a.set[v] = struct{}{}
	a.mu.Unlock()
	a.press()
}

// Active calls f with what each active revision is doing. A revision of which
// f says false is forgotten until its next request.
func (a *Activator) Active(f func(Load) (keep bool)) {
	a.active.mu.Lock()
	all := make([]*revision, 0, len(a.active.set))
	for v := range a.active.set {
		all = append(all, v)
	}
	a.active.mu.Unlock()
	for _, v := range all {
		if !f(v.load()) {
			a.active.forget(v)
		}
	}
}

// forget drops a revision, unless a request has come meanwhile.
func (a *activity) forget(v *revision) {
	a.mu.Lock()
	delete(a.set, v)
	v.active.Store(false)
	a.mu.Unlock()
	if l := v.load(); l.InFlight+l.Queued > 0 {
		v.touch()
	}
}
