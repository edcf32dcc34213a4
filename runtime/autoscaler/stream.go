package autoscaler

import (
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// Stream is one activator's standing connection. An activator in the same
// process opens one itself; for others serve.go does. Report and Unpack are
// called by one goroutine at a time.
type Stream struct {
	owner *Autoscaler
	acks  chan *stat.Ack // pointers: a place in the line costs no answer
	ended atomic.Int64   // when, in nanoseconds of the Unix epoch; 0: it has not

	blocks   stat.Unpacker
	seats    []seat      // by the number that the blocks give a revision
	reported []*revision // by the block that is being taken in
}

// seat is a revision that the stream tells of, and what it said of it last.
type seat struct {
	revision *revision
	load     *load
}

// pending is how many acknowledgements may wait for a stream to take them.
const pending = 4096

// Open begins a stream. Close ends it.
func (a *Autoscaler) Open() *Stream {
	s := &Stream{owner: a, acks: make(chan *stat.Ack, pending)}
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
	for t := takenNot; t == takenNot; {
		v := s.owner.revision(Key{f.Namespace, f.Revision})
		if t = v.report(new(load), s, &f, time.Now()); t == taken {
			v.poke()
		}
	}
}

// Unpack takes a block of frames, which begins after its length: all at once,
// and what there is to decide is decided elsewhere. After an error, which says
// what is wrong with the block, the stream takes no more of them.
func (s *Stream) Unpack(block []byte) error {
	if s.ended.Load() != 0 {
		return nil
	}
	now := time.Now()
	s.blocks.Begin(block)
	for told, more := s.blocks.Next(); more; told, more = s.blocks.Next() {
		s.take(told, now)
	}
	s.owner.agenda.report(s.reported)
	clear(s.reported)
	s.reported = s.reported[:0]
	return s.blocks.Err()
}

// take hands a frame to its revision.
func (s *Stream) take(told stat.Told, now time.Time) {
	if told.Number == len(s.seats) {
		s.seats = append(s.seats, seat{})
	}
	at, f := &s.seats[told.Number], told.Frame
	if told.Named {
		at.sit(s.owner, f)
	}
	t := at.revision.report(at.load, s, f, now)
	for t == takenNot {
		at.sit(s.owner, f)
		t = at.revision.report(at.load, s, f, now)
	}
	if t == taken {
		s.reported = append(s.reported, at.revision)
	}
}

// sit looks up the revision that a frame is of.
func (at *seat) sit(a *Autoscaler, f *stat.Frame) {
	*at = seat{a.revision(Key{f.Namespace, f.Revision}), new(load)}
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
	for _, v := range a.all() {
		if v.hears(s) {
			v.poke()
		}
	}
}

// hears tells whether something that was said on a stream counts.
func (v *revision) hears(s *Stream) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.loads {
		if l.stream == s {
			return true
		}
	}
	return false
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
