package autoscaler

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// nowhere is the place of a revision that has no look in the agenda.
const nowhere = -1

// agenda says when which revision is to be looked at: one timer for all.
type agenda struct {
	mu       sync.Mutex // guards looks and the revisions' due and place, and reported
	looks    looks
	reported []*revision   // to be looked at now
	sooner   chan struct{} // the first look has become another one, or something was reported
}

func (g *agenda) init() { g.sooner = make(chan struct{}, 1) }

// set puts a revision's next look at a time, instead of what there was.
func (g *agenda) set(v *revision, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v.due = at
	if v.place == nowhere {
		heap.Push(&g.looks, v)
	} else {
		heap.Fix(&g.looks, v.place)
	}
	if v.place == 0 {
		g.ring()
	}
}

// report has revisions looked at now, each for the first time since it was
// looked at last. Whoever reports them does not wait for that.
func (g *agenda) report(list []*revision) {
	if len(list) == 0 {
		return
	}
	g.mu.Lock()
	g.reported = append(g.reported, list...)
	g.mu.Unlock()
	g.ring()
}

// take gives what was reported, and keeps spare for what will be.
func (g *agenda) take(spare []*revision) []*revision {
	clear(spare)
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.reported
	g.reported = spare[:0]
	return list
}

func (g *agenda) ring() {
	select {
	case g.sooner <- struct{}{}:
	default: // it rings already
	}
}

// drop takes a revision's look out.
func (g *agenda) drop(v *revision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v.place != nowhere {
		heap.Remove(&g.looks, v.place)
	}
}

// due takes out what is due, and says how long it is until the next.
func (g *agenda) due(now time.Time) (list []*revision, next time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.looks) > 0 {
		if wait := g.looks[0].due.Sub(now); wait > 0 {
			return list, wait
		}
		v, _ := heap.Pop(&g.looks).(*revision)
		list = append(list, v)
	}
	return list, time.Hour
}

// run pokes revisions as they become due, until ctx is done.
func (g *agenda) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var reported []*revision
	for {
		reported = g.take(reported)
		for _, v := range reported {
			v.poke()
		}
		list, next := g.due(time.Now())
		for _, v := range list {
			v.poke()
		}
		timer.Reset(next)
		select {
		case <-g.sooner:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// looks is a heap, the earliest first.
type looks []*revision

func (l looks) Len() int           { return len(l) }
func (l looks) Less(i, j int) bool { return l[i].due.Before(l[j].due) }

func (l looks) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].place, l[j].place = i, j
}

// Push is heap.Interface's.
func (l *looks) Push(x any) {
	v, _ := x.(*revision)
	v.place = len(*l)
	*l = append(*l, v)
}

// Pop is heap.Interface's.
func (l *looks) Pop() any {
	old := *l
	v := old[len(old)-1]
	old[len(old)-1] = nil
	*l = old[:len(old)-1]
	v.place = nowhere
	return v
}
