package memory

import (
	"context"
	"slices"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// subscription is a place on a topic, under the topic's lock.
type subscription struct {
	cursor  *bus.Cursor
	again   []int64 // given back, to be delivered before anything new; rising
	streams []*stream
}

func newSubscription(place int64) *subscription { return &subscription{cursor: bus.NewCursor(place)} }

// wake tells streams that there may be something.
func (s *subscription) wake() {
	for _, st := range s.streams {
		st.wake()
	}
}

// end ends all streams.
func (s *subscription) end(why error) {
	for _, st := range s.streams {
		st.err = why
		st.wake()
	}
	s.streams = nil
}

// giveBack lets offsets be delivered again.
func (s *subscription) giveBack(offsets ...int64) {
	s.again = append(s.again, offsets...)
	slices.Sort(s.again)
	s.wake()
}

// Seek implements bus.Seeker.
func (b *Bus) Seek(_ context.Context, topic, subscription string, to bus.Point) error {
	t, s, err := b.subscription(topic, subscription)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	place, err := t.resolve(to)
	if err != nil {
		return err
	}
	s.end(bus.ErrMoved)
	s.cursor, s.again = bus.NewCursor(place), nil
	return nil
}

// Lag implements bus.Gauge.
func (b *Bus) Lag(_ context.Context, topic, subscription string) (bus.Lag, error) {
	t, s, err := b.subscription(topic, subscription)
	if err != nil {
		return bus.Lag{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	lag := bus.Lag{Messages: t.next() - s.cursor.Next() + s.cursor.Held()}
	if place := s.cursor.Place(); lag.Messages > 0 && place < t.next() {
		lag.Oldest = t.at(place).Published
	}
	return lag, nil
}

// Browse implements bus.Browser.
func (b *Bus) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	t, err := b.topic(topic)
	if err != nil {
		return err
	}
	t.mu.Lock()
	offset, err := t.resolve(from)
	t.mu.Unlock()
	if err != nil {
		return err
	}
	for {
		batch, grown := t.read(&offset, follow)
		for _, m := range batch {
			if !yield(m) {
				return nil
			}
		}
		if len(batch) > 0 {
			continue
		}
		if grown == nil {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read returns the next messages, or what to wait for; nil is the end.
func (t *topic) read(offset *int64, follow bool) (batch []*bus.Message, grown chan struct{}) {
	const atOnce = 256
	t.mu.Lock()
	defer t.mu.Unlock()
	*offset = max(*offset, t.base)
	for *offset < t.next() && len(batch) < atOnce {
		m := *t.at(*offset)
		batch = append(batch, &m)
		*offset++
	}
	if len(batch) > 0 || !follow || t.removed {
		return batch, nil
	}
	if t.grown == nil {
		t.grown = make(chan struct{})
	}
	return nil, t.grown
}
