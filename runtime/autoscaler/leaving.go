package autoscaler

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
	"github.com/sluice-dev/sluice/runtime/stat"
)

const (
	// settle is how old a mark is before the revision goes down on the strength of
	// it: Kubernetes' controllers do not tell when they have seen one, and take any
	// pod before that.
	settle = time.Second

	// unheard is how long an activator may take to tell that it knows of a mark.
	// Until then it may send the pod a request; after that it is not waited for.
	unheard = 10 * time.Second

	costLeaving = -1 // gets no request that another can take
	costIdle    = -2 // has none, and goes before those that still have one
)

// leaving is the pods of a revision that are to go. They are marked first, so
// that no activator sends them what another pod can take, and go when they have
// no request.
type leaving struct {
	costs    map[string]int32 // as marked by us
	since    time.Time        // when a mark was written or taken away last
	released time.Time        // when some went last
}

// yield holds an order to go down back as far as it would end a request, and
// marks the pods that are to go. What it returns may go down by less, or not at
// all; again is when to look once more.
func (v *revision) yield(ctx context.Context, m *actor, o Order, d decide.Decision, now time.Time) (_ Order, again time.Duration) {
	l := &m.leaving
	switch {
	case v.owner.cfg.Costs == nil, d.At.IsZero(), o.Replicas >= d.Have && len(l.costs) == 0 && !v.retiring():
		return o, d.Again
	case now.Before(l.released.Add(2 * settle)): // who goes is still told of
		o.Replicas = max(o.Replicas, d.Have)
		return o, sooner(d.Again, l.released.Add(2*settle).Sub(now))
	}
	// As long as there are more pods than there are to be, some are about to go,
	// and the marks say which, whoever wrote them: none may be taken away.
	pods, told, ready := v.candidates()
	if len(pods) > 0 && told > d.Have {
		o.Replicas = max(o.Replicas, d.Have)
		return o, sooner(d.Again, settle)
	}
	// Kubernetes takes those first that it does not call ready, whatever they
	// cost. Activators probe for themselves and use a pod before its kubelet has
	// said so, which may be a whole period of its probe later.
	if o.Replicas < d.Have && o.Replicas > 0 && told > ready {
		o.Replicas = d.Have
		return o, sooner(d.Again, settle)
	}
	unready := max(0, d.Have-max(told, ready))
	want, others := l.choose(pods, int(d.Have-o.Replicas-unready))
	idle := l.idle(pods, want, now)
	if !others && now.Sub(l.since) >= settle && len(idle) < len(want) {
		rank(want, idle)
	}
	wrote, err := v.mark(ctx, l, want, pods, now)
	if err != nil {
		v.owner.cfg.Log.Warn("pods not marked before they go", "revision", v.key.String(), "error", err)
		return o, d.Again
	}
	switch {
	case len(want) == 0:
		return o, d.Again
	case !wrote && now.Sub(l.since) >= settle && len(idle) > 0:
		l.released = now
		o.Replicas = d.Have - unready - int32(len(idle))
		return o, d.Again
	}
	o.Replicas = d.Have - unready
	wait := l.since.Add(settle).Sub(now)
	if wait <= 0 {
		wait = settle
	}
	return o, sooner(d.Again, wait)
}

// rank has those that are idle go before those that are not.
func rank(want map[string]int32, idle []string) {
	for name := range want {
		want[name] = costLeaving
	}
	for _, name := range idle {
		want[name] = costIdle
	}
}

// sooner is the shorter of two waits; 0 is none.
func sooner(again, wait time.Duration) time.Duration {
	if again == 0 {
		return wait
	}
	return min(again, wait)
}

// retiring tells whether an activator knows of a pod that is to go.
func (v *revision) retiring() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.loads {
		if len(l.pods) > 0 && l.pods[0].Retiring {
			return true
		}
	}
	return false
}

// candidates are the pods that activators have told of, the least busy first,
// how many the activators say are ready, and how many Kubernetes does.
func (v *revision) candidates() (pods []stat.Pod, told, ready int32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := map[string]int{}
	for _, l := range v.loads {
		told = max(told, int32(l.ready))
		for _, p := range l.pods {
			i, known := at[p.Name]
			if !known {
				at[p.Name] = len(pods)
				pods = append(pods, p)
				continue
			}
			pods[i].InFlight += p.InFlight
			pods[i].Retiring = pods[i].Retiring && p.Retiring
		}
	}
	slices.SortFunc(pods, func(a, b stat.Pod) int {
		return cmp.Or(cmp.Compare(a.InFlight, b.InFlight), cmp.Compare(a.Name, b.Name))
	})
	return pods, told, v.facts.ready
}

// choose says which n pods are to go: those that are on their way already, then
// the least busy. others: among them are some that were not yet.
func (l *leaving) choose(pods []stat.Pod, n int) (chosen map[string]int32, others bool) {
	chosen = make(map[string]int32, max(0, n))
	for _, p := range pods {
		if cost, ours := l.costs[p.Name]; ours && len(chosen) < n {
			chosen[p.Name] = cost
		}
	}
	for _, p := range pods {
		if _, already := chosen[p.Name]; !already && len(chosen) < n {
			chosen[p.Name], others = costLeaving, true
		}
	}
	return chosen, others
}

// idle are the pods that are to go and have no request, and get none: all
// activators that tell of them know, or do not say so in time.
func (l *leaving) idle(pods []stat.Pod, want map[string]int32, now time.Time) []string {
	var idle []string
	for _, p := range pods {
		if _, goes := want[p.Name]; goes && p.InFlight == 0 && (p.Retiring || now.Sub(l.since) >= unheard) {
			idle = append(idle, p.Name)
		}
	}
	return idle
}

// mark writes what pods cost, as far as that has changed. A mark that nobody
// wants and that was not ours, of an autoscaler before us, goes too. wrote tells
// whether any has.
func (v *revision) mark(ctx context.Context, l *leaving, want map[string]int32, pods []stat.Pod, now time.Time) (wrote bool, err error) {
	changed := map[string]int32{}
	for name, cost := range want {
		if l.costs[name] != cost {
			changed[name] = cost
		}
	}
	for _, p := range pods {
		_, wanted := want[p.Name]
		_, ours := l.costs[p.Name]
		if !wanted && (ours || p.Retiring && now.Sub(l.since) >= settle) {
			changed[p.Name] = 0
		}
	}
	l.costs = want
	if len(changed) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err = v.owner.cfg.Costs.Mark(ctx, v.key.Namespace, changed)
	l.since = time.Now() // not when it was begun: that can be long ago
	return true, err
}
