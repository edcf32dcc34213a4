package kafka

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// headerID carries Message.ID, which Kafka has no place for.
const headerID = "sluice-id"

// Publish implements bus.Driver.
func (b *Bus) Publish(ctx context.Context, topic string, batch []*bus.Message) error {
	records := make([]*kgo.Record, len(batch))
	for i, m := range batch {
		r, size := toKafka(topic, m)
		if size > maxBytes {
			return fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, size, maxBytes)
		}
		records[i] = r
	}
	if err := b.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return wrap("topic", topic, err)
	}
	for i, r := range records {
		batch[i].Position = position(r.Partition, r.Offset)
	}
	return nil
}

// toKafka spells a message as the CloudEvents binding for Kafka does: ce_*, plain
// UTF-8.
func toKafka(topic string, m *bus.Message) (*kgo.Record, int) {
	r := &kgo.Record{Topic: topic, Value: m.Body}
	size := len(m.Body) + len(m.Key)
	if m.Key != "" {
		r.Key = []byte(m.Key)
	}
	r.Headers = make([]kgo.RecordHeader, 0, len(m.Headers)+1)
	add := func(name, value string) {
		size += len(name) + len(value) + 10
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	for name, value := range m.Headers {
		if attribute, ok := strings.CutPrefix(name, "ce-"); ok {
			name = "ce_" + attribute
		}
		add(name, value)
	}
	if m.ID != "" {
		add(headerID, m.ID)
	}
	return r, size
}

func fromKafka(r *kgo.Record) *bus.Message {
	m := &bus.Message{
		Key: string(r.Key), Body: r.Value, Headers: make(map[string]string, len(r.Headers)),
		Position: position(r.Partition, r.Offset), Published: r.Timestamp,
	}
	for _, h := range r.Headers {
		if h.Key == headerID {
			m.ID = string(h.Value)
			continue
		}
		name := h.Key
		if attribute, ok := strings.CutPrefix(name, "ce_"); ok {
			name = "ce-" + attribute
		}
		m.Headers[name] = string(h.Value)
	}
	return m
}

func position(partition int32, offset int64) string {
	return strconv.Itoa(int(partition)) + ":" + strconv.FormatInt(offset, 10)
}

// parsePosition reads what position writes, or several with commas.
func parsePosition(s string) (map[int32]int64, error) {
	places := map[int32]int64{}
	for part := range strings.SplitSeq(s, ",") {
		p, o, _ := strings.Cut(strings.TrimSpace(part), ":")
		partition, err1 := strconv.ParseInt(p, 10, 32)
		offset, err2 := strconv.ParseInt(o, 10, 64)
		if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
			return nil, fmt.Errorf("position %q: a position of this bus is PARTITION:OFFSET, several with commas", s)
		}
		places[int32(partition)] = offset
	}
	return places, nil
}
