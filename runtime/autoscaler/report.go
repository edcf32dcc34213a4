package autoscaler

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// load is what one activator said of a revision last.
type load struct {
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

// report takes a frame.
func (v *revision) report(s *Stream, f *stat.Frame, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loads == nil {
		v.loads = map[string]*load{}
	}
	before, more := v.loads[f.Activator]
	l := load{
		stream: s, at: now, average: max(0, f.Concurrency), fresh: true,
		inFlight: max(0, f.InFlight), queued: max(0, f.Queued), ready: max(0, f.Ready),
		p50: f.P50, p95: f.P95, pods: f.Pods,
	}
	if f.Seconds > 0 {
		l.rate = f.Requests / f.Seconds
	}
	if f.Wake {
		l.queued = max(l.queued, 1)
		v.waits(s, now)
	}
	v.requests += max(0, f.Requests)
	v.answered(f)
	if !more {
		before = new(load)
		v.loads[f.Activator] = before
	}
	if !f.Wake || !more || before.level() < l.level() { // a wake need not know of others that wait
		*before = l
	}
	v.stir()
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
	for who, l := range v.loads {
		until := l.at.Add(lost)
		if end := l.stream.endedAt(); !end.IsZero() {
			until = end.Add(v.owner.cfg.StreamGrace)
		}
		if !now.Before(until) {
			delete(v.loads, who)
			continue
		}
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
		if l.level() == 0 { // its last word
			delete(v.loads, who)
			continue
		}
		if g.expires.IsZero() || until.Before(g.expires) {
			g.expires = until
		}
		l.fresh = false
	}
	return g
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
