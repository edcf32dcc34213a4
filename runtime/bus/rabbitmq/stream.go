package rabbitmq

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// stream is one consumer on a channel of its own, which gives everything back
// when it closes.
type stream struct {
	channel *amqp.Channel
	arrives <-chan amqp.Delivery
	ended   chan *amqp.Error
	holding *atomic.Int64

	mu   sync.Mutex // guards what follows
	held map[uint64]struct{}
	err  error
}

// Receive implements bus.Driver.
func (b *Bus) Receive(_ context.Context, from bus.Receive) (bus.Stream, error) {
	queue := queueOf(from.Topic, from.Subscription)
	err := b.channel(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		return err
	})
	if err != nil {
		return nil, wrap("subscription", from.Subscription, err)
	}
	conn, err := b.connection()
	if err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	s := &stream{channel: ch, holding: b.holding(queue), held: map[uint64]struct{}{}, ended: ch.NotifyClose(make(chan *amqp.Error, 1))}
	if err = ch.Qos(from.Window, 0, false); err == nil {
		s.arrives, err = ch.Consume(queue, "", false, false, false, false, nil)
	}
	if err != nil {
		_ = ch.Close()
		return nil, wrap("subscription", from.Subscription, err)
	}
	return s, nil
}

// Next implements bus.Stream.
func (s *stream) Next(ctx context.Context, most int) ([]*bus.Message, error) {
	var batch []*bus.Message
	select {
	case d, open := <-s.arrives:
		if !open {
			return nil, s.end()
		}
		batch = append(batch, s.hold(d))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(batch) < most {
		select {
		case d, open := <-s.arrives:
			if !open {
				return batch, nil
			}
			batch = append(batch, s.hold(d))
		default:
			return batch, nil
		}
	}
	return batch, nil
}

func (s *stream) hold(d amqp.Delivery) *bus.Message {
	m := fromAMQP(d)
	m.Receipt = d.DeliveryTag
	s.holding.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[d.DeliveryTag] = struct{}{}
	return m
}

// end says why the channel closed.
func (s *stream) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = bus.ErrClosed
		select {
		case e := <-s.ended:
			if e != nil {
				s.err = fmt.Errorf("rabbitmq: %w", e)
			}
		default:
		}
	}
	return s.err
}

// Settle implements bus.Stream.
func (s *stream) Settle(_ context.Context, m *bus.Message, done bool) error {
	tag := m.Receipt.(uint64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if _, held := s.held[tag]; !held {
		return nil
	}
	delete(s.held, tag)
	s.holding.Add(-1)
	if done {
		return s.channel.Ack(tag, false)
	}
	return s.channel.Nack(tag, false, true)
}

// Close implements bus.Stream.
func (s *stream) Close() error {
	err := s.channel.Close()
	for range s.arrives { // let the library's goroutine go
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding.Add(-int64(len(s.held)))
	s.held = nil
	if s.err == nil {
		s.err = bus.ErrClosed
	}
	if s.channel.IsClosed() {
		return nil
	}
	return err
}
