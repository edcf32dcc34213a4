package kafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// headerID carries Message.ID, which Kafka has no place for.
const headerID = "sluice-id"

// Publish implements bus.Driver.
func (b *Bus) Publish(ctx context.Context, topic string, batch []*bus.Message) error {
	p := packers.Get().(*packer)
	if err := p.batch(topic, batch); err != nil {
		return err
	}
	if err := b.client.ProduceSync(ctx, p.records...).FirstErr(); err != nil {
		return wrap("topic", topic, err) // and p is let go: the client may not be done with it
	}
	notePositions(batch, p.records)
	p.giveBack()
	return nil
}

// notePositions notes where the records are; all positions of a batch are one string.
func notePositions(batch []*bus.Message, records []*kgo.Record) {
	ends := make([]int, len(records))
	text := make([]byte, 0, 16*len(records))
	for i, r := range records {
		text = appendPosition(text, r.Partition, r.Offset)
		ends[i] = len(text)
	}
	all, from := string(text), 0
	for i, end := range ends {
		batch[i].Position, from = all[from:end], end
	}
}

// packer spells messages as the CloudEvents binding for Kafka does: ce_*, plain
// UTF-8. Everything of a batch is in a few slices that the next one uses again:
// allocating each record, key and header costs more than sending it.
type packer struct {
	names   [8]struct{ of, name string } // the latest, as Kafka has them
	next    int
	slab    []kgo.Record
	records []*kgo.Record // into slab
	headers []kgo.RecordHeader
	bytes   []byte // a chunk, as far as it is used
}

var packers = sync.Pool{New: func() any { return &packer{} }}

// batch packs messages.
func (p *packer) batch(topic string, messages []*bus.Message) error {
	headers := 0
	for _, m := range messages {
		headers += len(m.Headers) + 1
	}
	p.slab = slices.Grow(p.slab[:0], len(messages))[:len(messages)]
	p.headers = slices.Grow(p.headers[:0], headers)
	p.records = p.records[:0]
	for i, m := range messages {
		r := &p.slab[i]
		r.Topic, r.Value = topic, m.Body
		if size := p.pack(r, m); size > maxBytes {
			return fmt.Errorf("%w: %d bytes, the bus takes %d", bus.ErrTooLarge, size, maxBytes)
		}
		p.records = append(p.records, r)
	}
	return nil
}

// giveBack lets the next batch have the slices, unless they are large.
func (p *packer) giveBack() {
	const most = 1024 // messages; a batch of bus.Topic has 512
	if cap(p.slab) > most || cap(p.headers) > 16*most {
		return
	}
	clear(p.slab)
	clear(p.records)
	clear(p.headers)
	p.bytes = p.bytes[:0]
	packers.Put(p)
}

// pack also tells how many bytes the message is as a record.
func (p *packer) pack(r *kgo.Record, m *bus.Message) (size int) {
	size = len(m.Body) + len(m.Key)
	if m.Key != "" {
		r.Key = p.copied(m.Key)
	}
	from := len(p.headers)
	for name, value := range m.Headers {
		size += len(name) + len(value) + 10
		p.headers = append(p.headers, kgo.RecordHeader{Key: p.name(name), Value: p.copied(value)})
	}
	if m.ID != "" {
		size += len(headerID) + len(m.ID) + 10
		p.headers = append(p.headers, kgo.RecordHeader{Key: headerID, Value: p.copied(m.ID)})
	}
	r.Headers = p.headers[from:len(p.headers):len(p.headers)]
	return size
}

// chunk is how many bytes of keys and values are allocated at once.
const chunk = 32 << 10

func (p *packer) copied(s string) []byte {
	if len(s) > cap(p.bytes)-len(p.bytes) {
		p.bytes = make([]byte, 0, max(chunk, len(s)))
	}
	from := len(p.bytes)
	p.bytes = append(p.bytes, s...)
	return p.bytes[from:len(p.bytes):len(p.bytes)]
}

// name is a header's name; those of a batch are mostly the same few.
func (p *packer) name(of string) string {
	attribute, is := strings.CutPrefix(of, "ce-")
	if !is {
		return of
	}
	for i := range p.names {
		if p.names[i].of == of {
			return p.names[i].name
		}
	}
	last := &p.names[p.next%len(p.names)]
	p.next++
	last.of, last.name = of, "ce_"+attribute
	return last.name
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
	return string(appendPosition(text[:0], partition, offset))
}

func appendPosition(b []byte, partition int32, offset int64) []byte {
	return strconv.AppendInt(append(strconv.AppendInt(b, int64(partition), 10), ':'), offset, 10)
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
