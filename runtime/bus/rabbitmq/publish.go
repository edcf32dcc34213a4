package rabbitmq

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Headers for what AMQP has no place for.
const (
	headerID       = "sluice-id"
	headerKey      = "sluice-key"
	headerPosition = "sluice-position"
	headerTime     = "sluice-time" // in nanoseconds since 1970
	contentType    = "content-type"
	// attributes is the prefix of the CloudEvents binding for AMQP.
	attributes = "cloudEvents:"
)

// Publish implements bus.Driver.
func (b *Bus) Publish(ctx context.Context, topic string, batch []*bus.Message) error {
	now := time.Now()
	messages := make([]amqp.Publishing, len(batch))
	for i, m := range batch {
		var size int
		if messages[i], size = toAMQP(m, now); size > maxBytes {
			return fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, size, maxBytes)
		}
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	ch, closed, err := b.open()
	if err != nil {
		return err
	}
	confirms := make([]*amqp.DeferredConfirmation, len(messages))
	for i, m := range messages {
		if confirms[i], err = ch.PublishWithDeferredConfirmWithContext(ctx, exchangeOf(topic), "", false, false, m); err != nil {
			return wrap("topic", topic, why(closed, err))
		}
	}
	for i, c := range confirms {
		select {
		case <-c.Done():
			if !c.Acked() {
				return wrap("topic", topic, why(closed, fmt.Errorf("the broker did not take the message")))
			}
			batch[i].Position, _ = messages[i].Headers[headerPosition].(string)
		case err := <-closed:
			b.dropSender(ch)
			return wrap("topic", topic, orClosed(err))
		case <-ctx.Done():
			b.dropSender(ch) // its confirmations are another's by now
			return context.Cause(ctx)
		}
	}
	return nil
}

// why prefers the broker's own reason.
func why(closed <-chan *amqp.Error, err error) error {
	select {
	case e := <-closed:
		if e != nil {
			return e
		}
	case <-time.After(100 * time.Millisecond): // it follows the failure
	}
	return err
}

func orClosed(err *amqp.Error) error {
	if err == nil {
		return bus.ErrClosed
	}
	return err
}

// open returns the channel that publishes and news of its end.
func (b *Bus) open() (*amqp.Channel, chan *amqp.Error, error) {
	conn, err := b.connection()
	if err != nil {
		return nil, nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sender == nil || b.sender.IsClosed() {
		ch, err := conn.Channel()
		if err == nil {
			err = ch.Confirm(false)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("rabbitmq: %w", err)
		}
		b.sender = ch
		b.ended = ch.NotifyClose(make(chan *amqp.Error, 1))
	}
	return b.sender, b.ended, nil
}

func (b *Bus) dropSender(ch *amqp.Channel) {
	_ = ch.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sender == ch {
		b.sender = nil
	}
}

func toAMQP(m *bus.Message, now time.Time) (amqp.Publishing, int) {
	size := len(m.Body) + len(m.ID) + len(m.Key)
	p := amqp.Publishing{DeliveryMode: amqp.Persistent, Timestamp: now, Body: m.Body, Headers: amqp.Table{
		headerPosition: rand.Text(), headerTime: now.UnixNano(),
	}}
	for name, value := range m.Headers {
		size += len(name) + len(value)
		if name == contentType && len(value) < 256 {
			p.ContentType = value
			continue
		}
		if attribute, ok := strings.CutPrefix(name, "ce-"); ok {
			name = attributes + attribute
		}
		p.Headers[name] = value
	}
	if m.ID != "" {
		p.Headers[headerID] = m.ID
	}
	if m.Key != "" {
		p.Headers[headerKey] = m.Key
	}
	return p, size
}

func fromAMQP(d amqp.Delivery) *bus.Message {
	m := &bus.Message{Body: d.Body, Published: d.Timestamp, Headers: make(map[string]string, len(d.Headers))}
	if d.ContentType != "" {
		m.Headers[contentType] = d.ContentType
	}
	for name, value := range d.Headers {
		text, isText := value.(string)
		switch {
		case name == headerID:
			m.ID = text
		case name == headerKey:
			m.Key = text
		case name == headerPosition:
			m.Position = text
		case name == headerTime:
			if ns, ok := value.(int64); ok {
				m.Published = time.Unix(0, ns)
			}
		case strings.HasPrefix(name, attributes):
			m.Headers["ce-"+name[len(attributes):]] = text
		case isText:
			m.Headers[name] = text
		}
	}
	return m
}
