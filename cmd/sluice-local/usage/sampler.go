package usage

import (
	"context"
	"sync"
	"time"
)

// fresh is how long a sample is good enough for whoever asks.
const fresh = time.Second

// sample is what was measured at one time; it does not change any more.
type sample struct {
	at         time.Time
	node       string
	machine    measured
	containers map[Container]measured
}

// sampler takes samples for those who ask.
type sampler struct {
	source Source

	mu   sync.Mutex // guards the below; held while a sample is taken, so that all who ask share it
	last *sample
}

// sample is at most a second old.
func (s *sampler) sample(ctx context.Context) (*sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.last != nil && now.Sub(s.last.at) < fresh {
		return s.last, nil
	}
	r, err := s.source.Read(ctx)
	if err != nil {
		return nil, err
	}
	s.last = follow(s.last, r, now)
	return s.last, nil
}

// follow makes a sample of a reading and the sample before it, if any.
func follow(before *sample, r Reading, at time.Time) *sample {
	var machine *measured
	known := map[Container]measured{}
	if before != nil {
		machine, known = &before.machine, before.containers
	}
	next := &sample{at: at, node: r.Node, machine: measure(machine, r.Machine), containers: make(map[Container]measured, len(r.Containers))}
	for name, use := range r.Containers {
		var earlier *measured
		if m, ok := known[name]; ok {
			earlier = &m
		}
		next.containers[name] = measure(earlier, use)
	}
	return next
}
