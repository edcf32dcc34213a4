package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// resolve finds the offset of a point in every partition.
func (b *Bus) resolve(ctx context.Context, topic string, p bus.Point) (map[int32]int64, error) {
	if position, ok := p.Position(); ok {
		wanted, err := parsePosition(position)
		if err != nil {
			return nil, err
		}
		return b.fill(ctx, topic, wanted)
	}
	var listed kadm.ListedOffsets
	var err error
	if t, ok := p.Time(); ok {
		// Kafka counts milliseconds; what is in the same one comes too.
		listed, err = b.admin.ListOffsetsAfterMilli(ctx, t.UnixMilli(), topic)
	} else if p.IsLatest() {
		listed, err = b.admin.ListEndOffsets(ctx, topic)
	} else {
		listed, err = b.admin.ListStartOffsets(ctx, topic)
	}
	return places(topic, listed, err)
}

func places(topic string, listed kadm.ListedOffsets, err error) (map[int32]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, wrap("topic", topic, err)
	}
	all := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { all[o.Partition] = o.Offset })
	return all, nil
}

// fill checks partitions and bounds offsets to what is stored. Partitions that
// are not named stay away.
func (b *Bus) fill(ctx context.Context, topic string, wanted map[int32]int64) (map[int32]int64, error) {
	starts, err := b.resolve(ctx, topic, bus.Earliest())
	if err != nil {
		return nil, err
	}
	ends, err := b.resolve(ctx, topic, bus.Latest())
	if err != nil {
		return nil, err
	}
	for p, offset := range wanted {
		start, ok := starts[p]
		if !ok {
			return nil, fmt.Errorf("position: topic %q has no partition %d", topic, p)
		}
		wanted[p] = min(max(offset, start), ends[p])
	}
	return wanted, nil
}

// Seek implements bus.Seeker.
func (b *Bus) Seek(ctx context.Context, topic, subscription string, to bus.Point) error {
	group := groupOf(topic, subscription)
	have, err := b.committed(ctx, group, topic)
	if err != nil {
		return wrap("subscription", subscription, err)
	}
	if len(have) == 0 {
		return fmt.Errorf("subscription %q: %w", subscription, bus.ErrNotFound)
	}
	target, err := b.resolve(ctx, topic, to)
	if err != nil {
		return err
	}
	b.moving.Lock() // no stream opens meanwhile
	defer b.moving.Unlock()
	for _, s := range b.open(group) {
		s.leave(bus.ErrMoved)
	}
	offsets := kadm.Offsets{}
	for p, o := range target {
		offsets.AddOffset(topic, p, o, -1)
	}
	return wrap("subscription", subscription, b.whenEmpty(ctx, func() error {
		return b.admin.CommitAllOffsets(ctx, group, offsets)
	}))
}

// Lag implements bus.Gauge.
func (b *Bus) Lag(ctx context.Context, topic, subscription string) (bus.Lag, error) {
	have, err := b.committed(ctx, groupOf(topic, subscription), topic)
	if err != nil {
		return bus.Lag{}, wrap("subscription", subscription, err)
	}
	if len(have) == 0 {
		return bus.Lag{}, fmt.Errorf("subscription %q: %w", subscription, bus.ErrNotFound)
	}
	ends, err := b.resolve(ctx, topic, bus.Latest())
	if err != nil {
		return bus.Lag{}, err
	}
	var lag bus.Lag
	for p, end := range ends {
		lag.Messages += max(0, end-have[p])
	}
	return lag, nil
}

// Browse implements bus.Browser.
func (b *Bus) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	starts, err := b.resolve(ctx, topic, from)
	if err != nil {
		return err
	}
	ends, err := b.resolve(ctx, topic, bus.Latest())
	if err != nil {
		return err
	}
	offsets := map[int32]kgo.Offset{}
	for p, start := range starts {
		if follow || start < ends[p] {
			offsets[p] = kgo.NewOffset().At(start)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(b.options[:len(b.options):len(b.options)], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))...)
	if err != nil {
		return fmt.Errorf("topic %q: %w", topic, err)
	}
	defer client.Close()
	for follow || len(offsets) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return wrap("topic", topic, err)
		}
		for _, r := range fetches.Records() {
			if r.Offset >= ends[r.Partition]-1 {
				delete(offsets, r.Partition)
			}
			if !follow && r.Offset >= ends[r.Partition] {
				continue
			}
			if !yield(fromKafka(r)) {
				return nil
			}
		}
	}
	return nil
}
