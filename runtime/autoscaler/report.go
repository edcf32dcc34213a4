package autoscaler

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// load is what one activator said of a revision last. The revision's mu guards
// it.
type load struct {
	activator string
	counts    bool // it is one of the revision's loads

	stream   *Stream
	at       time.Time // when
	average  float64   // until then, since the frame before
	fresh    bool      // average has not been counted yet
	inFlight int
	queued   int
	ready    int
	rate     float64 // requests per second
	p50, p95 float64 // of durations, in seconds
	pods     []stat.Pod
}

// level is how many requests it has now.
func (l *load) level() int { return l.inFlight + l.queued }

// lost is how long an activator may say nothing of a revision that has
// requests: it promised a frame a second.
const lost = 5 * time.Second

// takes says how a frame was taken.
type takes uint8

const (
	takenNot   takes = iota // the revision was forgotten: look it up again
	taken                   // it is to be looked at
	takenAgain              // somebody is about to look at it already
)

// report takes a frame into l, and says whether the revision has to be looked
// at for it: not if that is on its way, or was done here as it could not wait.
func (v *revision) report(l *load, s *Stream, f *stat.Frame, now time.Time) takes {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return takenNot
	}
	more := l.counts || v.join(l, f.Activator)
	v.requests += max(0, f.Requests)
	v.answered(f)
	if !f.Wake || !more || l.level() < f.InFlight+max(f.Queued, 1) { // a wake need not know of others that wait
		l.set(s, f, now)
	}
	if f.Wake {
		v.waits(s, now)
		v.stir()
		return takenAgain
	}
	if v.expected {
		return takenAgain
	}
	v.expected = true
	return taken
}

// set is what f says.
func (l *load) set(s *Stream, f *stat.Frame, now time.Time) {
	l.stream, l.at, l.average, l.fresh = s, now, max(0, f.Concurrency), true
	l.inFlight, l.queued, l.ready = max(0, f.InFlight), max(0, f.Queued), max(0, f.Ready)
	l.p50, l.p95, l.rate = f.P50, f.P95, 0
	if f.Seconds > 0 {
		l.rate = f.Requests / f.Seconds
	}
	if f.Wake {
		l.queued = max(l.queued, 1)
	}
	l.pods = append(l.pods[:0], f.Pods...)
}

// join makes l one of the loads, in the place of what the same activator said
// on another stream; more tells that there was such. The caller holds mu.
func (v *revision) join(l *load, activator string) (more bool) {
	place := len(v.loads)
	for i, old := range v.loads {
		if old.activator == activator {
			old.counts = false
			*l, place, more = *old, i, true
			l.pods = slices.Clone(old.pods)
		}
	}
	l.activator, l.counts = activator, true
	if !more {
		v.loads = append(v.loads, nil)
	}
	v.loads[place] = l
	return more
}

// gathered is what all activators said.
type gathered struct {
	concurrency      float64
	inFlight, queued int
	ready            int
	rate             float64
	reported         bool
	expires          time.Time // when the first of it is to be forgotten; zero: not
}

// gather adds up what the activators said, each average once, and forgets
// those who are gone. The caller holds mu.
func (v *revision) gather(now time.Time) gathered {
	var g gathered
	kept := v.loads[:0]
	for _, l := range v.loads {
		until := l.until()
		if l.counts = now.Before(until); !l.counts {
			continue
		}
		g.add(l)
		if l.counts = l.level() > 0; !l.counts {
			continue // it was its last word
		}
		kept = append(kept, l)
		if g.expires.IsZero() || until.Before(g.expires) {
			g.expires = until
		}
		l.fresh = false
	}
	clear(v.loads[len(kept):])
	v.loads = kept
	return g
}

// until is when l counts no longer.
func (l *load) until() time.Time {
	if end := l.stream.endedAt(); !end.IsZero() {
		return end.Add(l.stream.owner.cfg.StreamGrace)
	}
	return l.at.Add(lost)
}

func (g *gathered) add(l *load) {
	g.reported = true
	if l.fresh {
		g.concurrency += l.average
	} else {
		g.concurrency += float64(l.level())
	}
	g.inFlight += l.inFlight
	g.queued += l.queued
	g.ready = max(g.ready, l.ready)
	g.rate += l.rate
}

// waits notes that a stream waits for an acknowledgement. The caller holds mu.
func (v *revision) waits(s *Stream, now time.Time) {
	for _, w := range v.wakes {
		if w.stream == s {
			return
		}
	}
	v.wakes = append(v.wakes, wake{s, now})
}

// wake is a stream that waits for an acknowledgement, and since when.
type wake struct {
	stream *Stream
	since  time.Time
}
