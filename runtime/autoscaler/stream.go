package autoscaler

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// Stream is one activator's standing connection. An activator in the same
// process opens one itself; for others serve.go does.
type Stream struct {
	owner *Autoscaler
	acks  chan *stat.Ack // pointers: a place in the line costs no answer
	ended atomic.Int64   // when, in nanoseconds of the Unix epoch; 0: it has not

	mu      sync.Mutex // guards touched
	touched map[*revision]struct{}
}

// pending is how many acknowledgements may wait for a stream to take them.
const pending = 4096

// Open begins a stream. Close ends it.
func (a *Autoscaler) Open() *Stream {
	s := &Stream{owner: a, acks: make(chan *stat.Ack, pending), touched: map[*revision]struct{}{}}
	a.mu.Lock()
	a.streams++
	first := a.streams == 1
	a.mu.Unlock()
	if first {
		a.pokeAll() // from now on something is known
	}
	return s
}

// Report takes a frame. It does not wait for anything.
func (s *Stream) Report(f stat.Frame) {
	if s.ended.Load() != 0 {
		return
	}
	v := s.owner.revision(Key{f.Namespace, f.Revision})
	s.mu.Lock()
	if f.InFlight+f.Queued > 0 || f.Wake {
		s.touched[v] = struct{}{}
	} else {
		delete(s.touched, v)
	}
	s.mu.Unlock()
	v.report(s, &f, time.Now())
}

// Acks are the answers to frames that asked for a pod.
func (s *Stream) Acks() <-chan *stat.Ack { return s.acks }

// Close ends the stream. What was said on it counts for a little longer.
func (s *Stream) Close() {
	now := time.Now()
	if !s.ended.CompareAndSwap(0, now.UnixNano()) {
		return
	}
	a := s.owner
	a.mu.Lock()
	a.streams--
	a.lastEnd = now
	a.mu.Unlock()
	s.mu.Lock()
	touched := s.touched
	s.touched = nil
	s.mu.Unlock()
	for v := range touched {
		v.poke()
	}
}

// endedAt is when the stream ended; zero if it has not.
func (s *Stream) endedAt() time.Time {
	if at := s.ended.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// send gives an acknowledgement to the stream. One that takes none any more
// loses it: its activator asks again.
func (s *Stream) send(a stat.Ack) {
	select {
	case s.acks <- &a:
	default:
	}
}
