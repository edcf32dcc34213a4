package memory

import (
	"context"
	"slices"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// stream is one receiver of a subscription.
type stream struct {
	topic   *topic
	sub     *subscription
	cursor  *bus.Cursor // the subscription's when this was opened; Seek makes another
	ordered bool
	more    chan struct{}

	held map[int64]struct{} // under the topic's lock
	err  error              // why it ended
}

// receipt is what Settle needs.
type receipt int64

func (t *topic) open(s *subscription, ordered bool) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := &stream{topic: t, sub: s, cursor: s.cursor, ordered: ordered, more: make(chan struct{}, 1), held: map[int64]struct{}{}}
	s.streams = append(s.streams, st)
	st.wake()
	return st
}

func (st *stream) wake() {
	select {
	case st.more <- struct{}{}:
	default:
	}
}

// Next implements bus.Stream.
func (st *stream) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	for {
		batch, err := st.take(most)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-st.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take claims what there is.
func (st *stream) take(most int) ([]*bus.Message, error) {
	t, s := st.topic, st.sub
	t.mu.Lock()
	defer t.mu.Unlock()
	if st.err != nil {
		return nil, st.err
	}
	if st.ordered && s.streams[0] != st {
		return nil, nil // the first one has it all, until it closes
	}
	var batch []*bus.Message
	for len(batch) < most && len(s.again) > 0 {
		batch = append(batch, st.claim(s.again[0]))
		s.again = s.again[1:]
	}
	for len(batch) < most && s.cursor.Next() < t.next() {
		offset := max(s.cursor.Next(), t.base)
		s.cursor.Hold(offset)
		batch = append(batch, st.claim(offset))
	}
	return batch, nil
}

func (st *stream) claim(offset int64) *bus.Message {
	st.held[offset] = struct{}{}
	m := *st.topic.at(offset)
	m.Receipt = receipt(offset)
	return &m
}

// Settle implements bus.Stream.
func (st *stream) Settle(_ context.Context, m *bus.Message, done bool) error {
	offset := int64(m.Receipt.(receipt))
	st.topic.mu.Lock()
	defer st.topic.mu.Unlock()
	if st.err != nil {
		return st.err
	}
	if _, ours := st.held[offset]; !ours {
		return nil
	}
	delete(st.held, offset)
	if done {
		st.cursor.Settle(offset)
	} else {
		st.sub.giveBack(offset)
	}
	return nil
}

// Close implements bus.Stream.
func (st *stream) Close() error {
	st.topic.mu.Lock()
	defer st.topic.mu.Unlock()
	if st.err != nil {
		return nil
	}
	st.err = bus.ErrClosed
	st.sub.streams = slices.DeleteFunc(st.sub.streams, func(o *stream) bool { return o == st })
	var back []int64
	for offset := range st.held {
		back = append(back, offset)
	}
	st.sub.giveBack(back...)
	return nil
}
