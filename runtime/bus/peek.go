package bus

import (
	"context"
	"errors"
	"time"
)

// Peek returns up to max messages that a subscription has yet to settle, oldest
// first, and gives them back. It works on every bus; where other receivers are
// at work it shows what they leave. It returns what came when nothing more
// comes for a while.
func Peek(ctx context.Context, d Driver, topic, subscription string, max int, quiet time.Duration) ([]*Message, error) {
	if max == 0 {
		return nil, nil
	}
	stream, err := d.Receive(ctx, Receive{Topic: topic, Subscription: subscription, Window: max})
	if err != nil {
		return nil, err
	}
	var got []*Message
	for len(got) < max && err == nil {
		var batch []*Message
		batch, err = nextWithin(ctx, stream, max-len(got), quiet)
		got = append(got, batch...)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return got, errors.Join(err, stream.Close())
}

func nextWithin(ctx context.Context, s Stream, max int, quiet time.Duration) ([]*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return s.Next(ctx, max)
}
