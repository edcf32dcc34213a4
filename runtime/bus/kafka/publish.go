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
	records, err := toKafka(topic, batch)
	if err != nil {
		return err
	}
	if err := b.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return wrap("topic", topic, err)
	}
	for i, r := range records {
		batch[i].Position = position(r.Partition, r.Offset)
	}
	return nil
}

// toKafka spells messages as the CloudEvents binding for Kafka does: ce_*, plain
// UTF-8. Everything of a batch is in a few slices: allocating each key and
// header costs more than sending it.
func toKafka(topic string, batch []*bus.Message) ([]*kgo.Record, error) {
	headers, bytes := 0, 0
	for _, m := range batch {
		n, size := sizeOf(m)
		if size > maxBytes {
			return nil, fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, size, maxBytes)
		}
		headers += n
		bytes += size - len(m.Body)
	}
	p := packer{names: map[string]string{}, headers: make([]kgo.RecordHeader, 0, headers), bytes: make([]byte, 0, bytes)}
	slab, records := make([]kgo.Record, len(batch)), make([]*kgo.Record, len(batch))
	for i, m := range batch {
		slab[i].Topic, slab[i].Value = topic, m.Body
		p.pack(&slab[i], m)
		records[i] = &slab[i]
	}
	return records, nil
}

// sizeOf is how many headers and bytes a message has as a record.
func sizeOf(m *bus.Message) (headers, size int) {
	headers, size = len(m.Headers), len(m.Body)+len(m.Key)
	for name, value := range m.Headers {
		size += len(name) + len(value) + 10
	}
	if m.ID != "" {
		headers, size = headers+1, size+len(headerID)+len(m.ID)+10
	}
	return headers, size
}

// packer lays the keys and headers of a batch one after the other.
type packer struct {
	names   map[string]string // as Kafka has them
	headers []kgo.RecordHeader
	bytes   []byte
}

func (p *packer) pack(r *kgo.Record, m *bus.Message) {
	if m.Key != "" {
		r.Key = p.copied(m.Key)
	}
	from := len(p.headers)
	for name, value := range m.Headers {
		p.headers = append(p.headers, kgo.RecordHeader{Key: p.name(name), Value: p.copied(value)})
	}
	if m.ID != "" {
		p.headers = append(p.headers, kgo.RecordHeader{Key: headerID, Value: p.copied(m.ID)})
	}
	r.Headers = p.headers[from:len(p.headers):len(p.headers)]
}

func (p *packer) copied(s string) []byte {
	from := len(p.bytes)
	p.bytes = append(p.bytes, s...)
	return p.bytes[from:len(p.bytes):len(p.bytes)]
}

func (p *packer) name(of string) string {
	attribute, is := strings.CutPrefix(of, "ce-")
	if !is {
		return of
	}
	if name, ok := p.names[of]; ok {
		return name
	}
	name := "ce_" + attribute
	p.names[of] = name
	return name
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
	var text [32]byte
	b := append(strconv.AppendInt(text[:0], int64(partition), 10), ':')
	return string(strconv.AppendInt(b, offset, 10))
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
