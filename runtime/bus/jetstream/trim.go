package jetstream

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// trimEvery is how often what is old and settled is let go.
const trimEvery = time.Minute

func (b *Bus) janitor(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := b.trimAll(ctx); err != nil && ctx.Err() == nil {
				b.log.Warn("old messages were not let go", "error", err)
			}
		}
	}
}

func (b *Bus) trimAll(ctx context.Context) error {
	streams := b.js.ListStreams(ctx)
	for info := range streams.Info() {
		mark := readMark(info.Config.Description)
		topic := mark.Topic
		if topic == "" || info.State.Msgs == 0 {
			continue
		}
		retention, err := time.ParseDuration(mark.Retention)
		if err != nil {
			continue // not one that we keep
		}
		if before := time.Now().Add(-retention); info.State.FirstTime.Before(before) {
			if err := b.trim(ctx, topic, info.State, before); err != nil {
				return err
			}
		}
	}
	return streams.Err()
}

// trim lets go of settled messages that were stored before a time.
func (b *Bus) trim(ctx context.Context, topic string, state jetstream.StreamState, before time.Time) error {
	settled, err := b.settledUpTo(ctx, topic, state)
	if err != nil || settled <= state.FirstSeq {
		return err
	}
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return wrap("topic", topic, err)
	}
	n := sort.Search(int(settled-state.FirstSeq), func(i int) bool {
		m, err := s.GetMsg(ctx, state.FirstSeq+uint64(i))
		return err == nil && !m.Time.Before(before)
	})
	if n == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	return wrap("topic", topic, s.Purge(ctx, jetstream.WithPurgeSequence(state.FirstSeq+uint64(n))))
}

// makeRoom lets go of the older half of what is settled, whatever its age.
func (b *Bus) makeRoom(ctx context.Context, topic string) (freed bool, err error) {
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return false, err
	}
	if readMark(s.CachedInfo().Config.Description).Topic != topic {
		return false, fmt.Errorf("topic %q: %w", topic, bus.ErrForeign)
	}
	state := s.CachedInfo().State
	settled, err := b.settledUpTo(ctx, topic, state)
	if err != nil || settled <= state.FirstSeq {
		return false, err
	}
	b.log.Warn("topic is full: settled messages are let go before their time", "topic", topic, "bytes", state.Bytes)
	return true, s.Purge(ctx, jetstream.WithPurgeSequence(state.FirstSeq+(settled-state.FirstSeq+1)/2))
}

// settledUpTo is the first sequence that some subscription has yet to settle.
// Consumers that are not ours count too.
func (b *Bus) settledUpTo(ctx context.Context, topic string, state jetstream.StreamState) (uint64, error) {
	settled := state.LastSeq + 1
	s, err := b.js.Stream(ctx, streamOf(topic))
	if err != nil {
		return 0, wrap("topic", topic, err)
	}
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.AckPolicy != jetstream.AckNonePolicy {
			settled = min(settled, firstUnsettled(c, state.LastSeq+1))
		}
	}
	return settled, list.Err()
}

// firstUnsettled is where a consumer is, or before. One that has settled nothing
// since it was made has no floor yet.
func firstUnsettled(c *jetstream.ConsumerInfo, end uint64) uint64 {
	switch {
	case c.NumPending == 0 && c.NumAckPending == 0:
		return end
	case c.AckFloor.Stream == 0 && c.NumAckPending == 0:
		return end - min(c.NumPending, end)
	case c.AckFloor.Stream == 0 && c.Config.OptStartSeq > 0:
		return c.Config.OptStartSeq
	default:
		return c.AckFloor.Stream + 1
	}
}
