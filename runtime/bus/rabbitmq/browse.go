package rabbitmq

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Browse implements bus.Browser: from now on alone, for queues keep no history.
func (b *Bus) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	if !from.IsLatest() || !follow {
		return fmt.Errorf("topic %q: %w: RabbitMQ keeps no events for reading back; follow from latest, or use jetstream or kafka", topic, bus.ErrUnsupported)
	}
	err := b.channel(func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclare("", false, true, true, false, nil)
		if err != nil {
			return err
		}
		if err := ch.QueueBind(q.Name, "", exchangeOf(topic), false, nil); err != nil {
			return err
		}
		arrives, err := ch.Consume(q.Name, "", true, true, false, false, nil)
		if err != nil {
			return err
		}
		for {
			select {
			case d, open := <-arrives:
				if !open {
					return bus.ErrClosed
				}
				if !yield(fromAMQP(d)) {
					return nil
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return wrap("topic", topic, err)
}
