package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// errAway is a server that there is no connection to now.
var errAway = errors.New("nats: not connected; the connection is being made again")

// Publish implements bus.Driver.
func (b *Bus) Publish(ctx context.Context, topic string, batch []*bus.Message) error {
	if !b.conn.IsConnected() {
		// What the client would keep for later might be stored after its sender
		// was told that it is not.
		return errAway
	}
	messages := make([]*nats.Msg, len(batch))
	limit := int(b.conn.MaxPayload())
	for i, m := range batch {
		messages[i] = toNATS(topic, m)
		if n := sizeOf(messages[i]); n > limit {
			return fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, n, limit)
		}
	}
	err := b.store(ctx, batch, messages)
	if isFull(err) {
		// What is kept for replay alone makes room.
		if freed, e := b.makeRoom(ctx, topic); e == nil && freed {
			err = b.store(ctx, batch, messages)
		}
	}
	return notFound(err)
}

// store sends what is not stored yet and waits for all answers.
func (b *Bus) store(ctx context.Context, batch []*bus.Message, messages []*nats.Msg) error {
	if len(messages) == 1 {
		ack, err := b.js.PublishMsg(ctx, messages[0], jetstream.WithRetryAttempts(0))
		if err == nil {
			batch[0].Position = position(ack.Sequence)
		}
		return err
	}
	acks := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		if m == nil {
			continue
		}
		f, err := b.js.PublishMsgAsync(m)
		if err != nil {
			return err
		}
		acks[i] = f
	}
	var failed error
	for i, f := range acks {
		if f == nil {
			continue
		}
		select {
		case ack := <-f.Ok():
			batch[i].Position = position(ack.Sequence)
			messages[i] = nil
		case err := <-f.Err():
			failed = err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return failed
}

func position(seq uint64) string { return strconv.FormatUint(seq, 10) }
