package pubsub

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// maxCount is the most messages of a request.
const maxCount = 1000

// Publish implements bus.Driver.
func (b *Bus) Publish(ctx context.Context, topic string, batch []*bus.Message) error {
	messages := make([]*pubsubpb.PubsubMessage, len(batch))
	sizes := make([]int, len(batch))
	for i, m := range batch {
		p, err := toPubSub(m)
		if err != nil {
			return err
		}
		if sizes[i] = proto.Size(p); sizes[i] > maxBytes {
			return fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, sizes[i], maxBytes)
		}
		messages[i] = p
	}
	for len(batch) > 0 {
		n := request(sizes)
		got, err := b.topics.Publish(ctx, &pubsubpb.PublishRequest{Topic: b.topicPath(topic), Messages: messages[:n]})
		if err != nil {
			return wrap("topic", topic, err)
		}
		if len(got.MessageIds) != n {
			return fmt.Errorf("topic %q: of %d messages Pub/Sub stored %d", topic, n, len(got.MessageIds))
		}
		for i, id := range got.MessageIds {
			batch[i].Position = id
		}
		batch, messages, sizes = batch[n:], messages[n:], sizes[n:]
	}
	return nil
}

// request is how many messages fit into one: at least one.
func request(sizes []int) int {
	n, total := 1, sizes[0]
	for n < min(len(sizes), maxCount) && total+sizes[n] <= maxBytes {
		total += sizes[n]
		n++
	}
	return n
}
