package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

const (
	typeQuorum  = "quorum"
	typeClassic = "classic"
)

// EnsureTopic implements bus.Admin.
func (b *Bus) EnsureTopic(_ context.Context, spec bus.TopicSpec) error {
	kind := spec.Args["queueType"]
	switch kind {
	case "":
		kind = typeQuorum
	case typeQuorum, typeClassic:
	default:
		return fmt.Errorf("topic %q: queueType: %q: write quorum or classic", spec.Name, kind)
	}
	err := b.channel(func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare(exchangeOf(spec.Name), amqp.ExchangeFanout, true, false, false, false, nil)
	})
	if err != nil {
		return wrap("topic", spec.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[spec.Name] = kind
	return nil
}

// EnsureSubscription implements bus.Admin.
func (b *Bus) EnsureSubscription(_ context.Context, spec bus.SubscriptionSpec) error {
	b.mu.Lock()
	kind := b.topics[spec.Topic]
	b.mu.Unlock()
	if kind == "" {
		kind = typeQuorum
	}
	args := amqp.Table{amqp.QueueTypeArg: kind}
	if spec.Ordered {
		args[amqp.SingleActiveConsumerArg] = true
	}
	queue := queueOf(spec.Topic, spec.Name)
	err := b.declare(queue, exchangeOf(spec.Topic), args)
	if err != nil {
		return wrap("subscription", spec.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[bus.SubscriptionName{Topic: spec.Topic, Name: spec.Name}] = true
	return nil
}

// declare makes a queue and binds it. It is without a limit of redeliveries, after
// which RabbitMQ would drop what is in it; one that was made with its own limit
// stays as it is.
func (b *Bus) declare(queue, exchange string, args amqp.Table) error {
	conn, err := b.connection()
	if err != nil {
		return err
	}
	with := func(args amqp.Table) error {
		return b.channel(func(ch *amqp.Channel) error {
			if err := ch.ExchangeDeclarePassive(exchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
				return err
			}
			if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
				return err
			}
			return ch.QueueBind(queue, "", exchange, false, nil)
		})
	}
	if args[amqp.QueueTypeArg] != typeQuorum || !limitsRedeliveries(conn.Properties) {
		return with(args)
	}
	unlimited := maps.Clone(args)
	unlimited[deliveryLimitArg] = int32(-1)
	err = with(unlimited)
	if e := (*amqp.Error)(nil); errors.As(err, &e) && e.Code == amqp.PreconditionFailed {
		if err = with(args); err == nil {
			b.log.Warn("the queue has RabbitMQ's own limit of redeliveries, after which it drops an event: set another one by a policy (delivery-limit: -1)", "queue", queue)
		}
	}
	return err
}

// deliveryLimitArg is how often a quorum queue delivers a message again.
const deliveryLimitArg = "x-delivery-limit"

// limitsRedeliveries tells whether quorum queues of a server have a limit where none
// is asked for: 20, since RabbitMQ 4. Earlier ones have none, and take a negative one
// for 0.
func limitsRedeliveries(server amqp.Table) bool {
	version, _ := server["version"].(string)
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= 4
}

// RemoveTopic implements bus.Admin. Of its subscriptions it knows those that this
// process has ensured; a queue whose exchange is gone gets nothing more.
func (b *Bus) RemoveTopic(ctx context.Context, name string) error {
	inv, err := b.List(ctx)
	if err != nil {
		return err
	}
	for _, s := range inv.Subscriptions {
		if s.Topic == name {
			if err := b.RemoveSubscription(ctx, s.Topic, s.Name); err != nil {
				return err
			}
		}
	}
	err = b.channel(func(ch *amqp.Channel) error { return ch.ExchangeDelete(exchangeOf(name), false, false) })
	if err = gone(err); err != nil {
		return wrap("topic", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.topics, name)
	return nil
}

// RemoveSubscription implements bus.Admin.
func (b *Bus) RemoveSubscription(_ context.Context, topic, name string) error {
	err := b.channel(func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(queueOf(topic, name), false, false, false)
		return err
	})
	if err = gone(err); err != nil {
		return wrap("subscription", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.made, bus.SubscriptionName{Topic: topic, Name: name})
	return nil
}

// gone takes what is not there for removed.
func gone(err error) error {
	if e := (*amqp.Error)(nil); errors.As(err, &e) && e.Code == amqp.NotFound {
		return nil
	}
	return err
}

// List implements bus.Admin: what this process has ensured, for AMQP has no
// list.
func (b *Bus) List(context.Context) (bus.Inventory, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var inv bus.Inventory
	for name := range b.topics {
		inv.Topics = append(inv.Topics, name)
	}
	for s := range b.made {
		inv.Subscriptions = append(inv.Subscriptions, s)
	}
	inv.Sort()
	return inv, nil
}

// Lag implements bus.Gauge. What receivers in other processes hold is not known.
func (b *Bus) Lag(_ context.Context, topic, subscription string) (bus.Lag, error) {
	queue := queueOf(topic, subscription)
	var lag bus.Lag
	err := b.channel(func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		lag.Messages = int64(q.Messages) + b.holding(queue).Load()
		return err
	})
	return lag, wrap("subscription", subscription, err)
}
