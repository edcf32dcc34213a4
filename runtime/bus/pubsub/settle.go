package pubsub

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// renewals is how often in its time a lease is renewed.
const renewals = 3

// Settle implements bus.Stream.
func (s *stream) Settle(ctx context.Context, m *bus.Message, done bool) error {
	s.mu.Lock()
	id, held := s.held[m.Position]
	delete(s.held, m.Position)
	s.mu.Unlock()
	switch {
	case !held:
		return nil
	case done:
		return s.acks.do(ctx, id)
	}
	return s.nacks.do(ctx, id)
}

// renew keeps what is held from others.
func (s *stream) renew() {
	tick := time.NewTicker(s.bus.lease / renewals)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		s.ping()
		if err := s.extend(s.ctx, s.holding(), s.bus.lease); err != nil && s.ctx.Err() == nil {
			s.bus.log.Debug("leases not renewed, messages may come twice", "subscription", s.path, "error", err)
		}
	}
}

// holding are the ack ids of what is held or queued.
func (s *stream) holding() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.held))
}

// extend sets the time left of leases; 0 gives them up.
func (s *stream) extend(ctx context.Context, ids []string, lease time.Duration) error {
	for some := range slices.Chunk(ids, maxIDs) {
		err := s.bus.subscriptions.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: s.path, AckIds: some, AckDeadlineSeconds: int32(lease / time.Second),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close implements bus.Stream. What cannot be given back comes again when its
// lease ends.
func (s *stream) Close() error {
	s.mu.Lock()
	closed := s.closing
	s.closing = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.hangUp()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := s.extend(ctx, s.holding(), 0); err != nil {
		s.bus.log.Debug("messages not given back, come again later", "subscription", s.path, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.held)
	s.queue = nil
	return nil
}
