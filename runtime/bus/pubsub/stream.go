package pubsub

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const callTimeout = 10 * time.Second

// stream is one streaming pull. Its leases are renewed until messages are
// settled.
type stream struct {
	bus    *Bus
	path   string
	window int
	acks   gather
	nacks  gather
	more   chan struct{} // there is something in queue, or err: capacity 1
	ended  chan struct{} // nothing more is received
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	sending sync.Mutex // guards pull
	pull    pubsubpb.Subscriber_StreamingPullClient

	mu      sync.Mutex        // guards what follows
	held    map[string]string // message id -> latest ack id; also what is queued
	queue   []*bus.Message
	closing bool
	err     error
}

// Receive implements bus.Driver.
func (b *Bus) Receive(ctx context.Context, from bus.Receive) (bus.Stream, error) {
	path := b.subscriptionPath(from.Topic, from.Subscription)
	if _, err := b.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: path}); err != nil {
		return nil, wrap("subscription", from.Subscription, err)
	}
	s, err := b.stream(path, from.Window)
	if err != nil {
		return nil, wrap("subscription", from.Subscription, err)
	}
	return s, nil
}

func (b *Bus) stream(path string, window int) (*stream, error) {
	s := &stream{bus: b, path: path, window: window, more: make(chan struct{}, 1), ended: make(chan struct{}), held: map[string]string{}}
	s.acks.send = func(ctx context.Context, ids []string) error {
		return b.subscriptions.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: path, AckIds: ids})
	}
	s.nacks.send = func(ctx context.Context, ids []string) error { return s.extend(ctx, ids, 0) }
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.connect(); err != nil {
		s.cancel()
		return nil, err
	}
	s.work.Go(s.receive)
	s.work.Go(s.renew)
	return s, nil
}

// Next implements bus.Stream.
func (s *stream) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	for {
		batch, err := s.take(most)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *stream) take(most int) ([]*bus.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil, s.err
	}
	n := min(most, len(s.queue))
	batch := s.queue[:n:n]
	s.queue = s.queue[n:]
	return batch, nil
}

// hold queues what has come. What is held already was delivered once more, under
// another ack id, because a renewal came late.
func (s *stream) hold(received []*pubsubpb.ReceivedMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range received {
		m := fromPubSub(r.Message)
		if _, held := s.held[m.Position]; !held {
			s.queue = append(s.queue, m)
		}
		s.held[m.Position] = r.AckId
	}
	s.wake()
}

func (s *stream) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// end makes Next return an error when the queue is empty.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		err = bus.ErrClosed
	}
	s.err = err
	s.wake()
}
