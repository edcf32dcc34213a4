package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	// commitEvery is how often places are written.
	commitEvery  = 500 * time.Millisecond
	commitWithin = 10 * time.Second
	// sessionTimeout is after how long without a heartbeat a receiver's partitions
	// go to others. Brokers take 6 s and more.
	sessionTimeout = 10 * time.Second
)

// stream is one member of a subscription's group.
type stream struct {
	bus     *Bus
	group   string
	topic   string
	client  *kgo.Client
	closing chan struct{}
	once    sync.Once
	work    sync.WaitGroup

	mu         sync.Mutex // guards what follows
	partitions map[int32]*partition
	again      []*kgo.Record      // given back
	wake       context.CancelFunc // of a poll that waits
	err        error

	committing sync.Mutex // one commit at a time
}

// Receive implements bus.Driver.
func (b *Bus) Receive(ctx context.Context, from bus.Receive) (bus.Stream, error) {
	b.moving.RLock()
	defer b.moving.RUnlock()
	group := groupOf(from.Topic, from.Subscription)
	have, err := b.committed(ctx, group, from.Topic)
	if err != nil {
		return nil, wrap("subscription", from.Subscription, err)
	}
	if len(have) == 0 {
		return nil, fmt.Errorf("subscription %q: %w", from.Subscription, bus.ErrNotFound)
	}
	s := &stream{bus: b, group: group, topic: from.Topic, closing: make(chan struct{}), partitions: map[int32]*partition{}}
	revoked := func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { s.revoke(topics[from.Topic]) }
	s.client, err = kgo.NewClient(append(b.options[:len(b.options):len(b.options)],
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(from.Topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.OnPartitionsRevoked(revoked), kgo.OnPartitionsLost(revoked), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(time.Minute),
	)...)
	if err != nil {
		return nil, fmt.Errorf("subscription %q: %w", from.Subscription, err)
	}
	s.work.Go(s.commits)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams[group] == nil {
		b.streams[group] = map[*stream]struct{}{}
	}
	b.streams[group][s] = struct{}{}
	return s, nil
}

// open are the streams of a group in this process.
func (b *Bus) open(group string) (all []*stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.streams[group] {
		all = append(all, s)
	}
	return all
}

// Next implements bus.Stream.
func (s *stream) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	for {
		poll, cancel := context.WithCancel(ctx)
		batch, err := s.takeAgain(most, cancel)
		if len(batch) == 0 && err == nil {
			batch, err = s.poll(poll, most)
		}
		cancel()
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// takeAgain delivers what was given back, or lets the poll that follows be woken
// for it.
func (s *stream) takeAgain(most int, wake context.CancelFunc) (batch []*bus.Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	for len(batch) < most && len(s.again) > 0 {
		r := s.again[0]
		s.again = s.again[1:]
		if s.partitions[r.Partition] != nil { // else another receiver has it
			batch = append(batch, s.hold(r))
		}
	}
	s.wake = wake
	return batch, nil
}

func (s *stream) poll(ctx context.Context, most int) (batch []*bus.Message, err error) {
	fetches := s.client.PollRecords(ctx, most)
	defer s.client.AllowRebalance()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	for _, r := range fetches.Records() {
		batch = append(batch, s.hold(r))
	}
	if err := fetches.Err0(); err != nil && len(batch) == 0 && ctx.Err() == nil {
		return nil, fmt.Errorf("group %q: %w", s.group, err)
	}
	return batch, nil
}

// Settle implements bus.Stream.
func (s *stream) Settle(_ context.Context, m *bus.Message, done bool) error {
	r := m.Receipt.(receipt)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if done {
		r.partition.cursor.Settle(r.record.Offset)
	} else if s.partitions[r.record.Partition] == r.partition {
		s.again = append(s.again, r.record)
		if s.wake != nil {
			s.wake()
		}
	}
	r.partition.release()
	return nil
}

// commits writes places from time to time.
func (s *stream) commits() {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.commit()
		}
	}
}

// commit writes places that have moved. One that is not written is written the
// next time, or what follows it comes again.
func (s *stream) commit() {
	s.committing.Lock()
	defer s.committing.Unlock()
	moved := map[int32]kgo.EpochOffset{}
	s.mu.Lock()
	for n, p := range s.partitions {
		if place := p.cursor.Place(); place > p.committed {
			moved[n] = kgo.EpochOffset{Epoch: -1, Offset: place}
		}
	}
	s.mu.Unlock()
	if len(moved) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitWithin)
	defer cancel()
	ok := true
	s.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{s.topic: moved}, s.onCommit(&ok))
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, o := range moved {
		if p := s.partitions[n]; p != nil {
			p.committed = max(p.committed, o.Offset)
		}
	}
}

// Close implements bus.Stream.
func (s *stream) Close() error {
	s.leave(bus.ErrClosed)
	return nil
}

// leave commits and leaves the group; what is held is another's from then on.
func (s *stream) leave(why error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.err = why
		if s.wake != nil {
			s.wake()
		}
		s.mu.Unlock()
		close(s.closing)
		s.work.Wait()
		s.commit()
		s.client.CloseAllowingRebalance()
		s.bus.mu.Lock()
		defer s.bus.mu.Unlock()
		delete(s.bus.streams[s.group], s)
		if len(s.bus.streams[s.group]) == 0 {
			delete(s.bus.streams, s.group)
		}
	})
}
