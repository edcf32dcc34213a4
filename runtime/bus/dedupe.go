package bus

import (
	"sync"
	"time"
)

// maxSeen bounds a dedupe window's memory: about 100 bytes each.
const maxSeen = 1 << 20

// seen remembers which stored copy of a message came first. Another copy of it is
// a duplicate; the same copy again is a redelivery or a replay, and is not.
type seen struct {
	window time.Duration

	mu    sync.Mutex
	first map[string]string // ID -> position
	order []sighting        // oldest first
}

type sighting struct {
	id string
	at time.Time
}

func newSeen(window time.Duration) *seen {
	return &seen{window: window, first: map[string]string{}}
}

// remember notes the message and returns whether another copy was there before,
// within the window that ends when this one was published.
func (s *seen) remember(m *Message, now time.Time) (duplicate bool) {
	if m.ID == "" {
		return false
	}
	at := m.Published
	if at.IsZero() {
		at = now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(at)
	if p, ok := s.first[m.ID]; ok {
		return p != m.Position
	}
	s.first[m.ID] = m.Position
	s.order = append(s.order, sighting{m.ID, at})
	return false
}

// forget drops what is older than the window, and the oldest where there are too
// many.
func (s *seen) forget(now time.Time) {
	n := 0
	for n < len(s.order) && (now.Sub(s.order[n].at) > s.window || len(s.order)-n >= maxSeen) {
		delete(s.first, s.order[n].id)
		n++
	}
	clear(s.order[:n]) // what append leaves behind when it next grows
	s.order = s.order[n:]
}
