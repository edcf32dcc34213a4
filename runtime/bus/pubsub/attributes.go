package pubsub

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Attributes for what Pub/Sub has no place for.
const (
	headerID = "sluice-id"
	// headerMore, with a number, is a part of a JSON object of the headers that
	// are no attributes of Pub/Sub.
	headerMore = "sluice-more-"
)

// Pub/Sub's limits, in bytes.
const (
	maxAttributes     = 100
	maxAttributeName  = 256
	maxAttributeValue = 1024
	// maxPlain is how many headers are attributes of their own; the rest is for
	// the others.
	maxPlain = 50
	maxKey   = 1024
)

// toPubSub spells a message as the CloudEvents binding for Pub/Sub does: headers
// as they are.
func toPubSub(m *bus.Message) (*pubsubpb.PubsubMessage, error) {
	if len(m.Key) > maxKey {
		return nil, fmt.Errorf("%w: the key has %d bytes, Pub/Sub takes %d", bus.ErrTooLarge, len(m.Key), maxKey)
	}
	p := &pubsubpb.PubsubMessage{Data: m.Body, OrderingKey: m.Key, Attributes: make(map[string]string, len(m.Headers)+1)}
	more := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		if value := m.Headers[name]; len(p.Attributes) < maxPlain && isAttribute(name, value) {
			p.Attributes[name] = value
		} else {
			more[name] = value
		}
	}
	if len(m.ID) > maxAttributeValue {
		more[headerID] = m.ID
	} else if m.ID != "" || len(m.Body) == 0 { // without either Pub/Sub refuses
		p.Attributes[headerID] = m.ID
	}
	return p, addMore(p.Attributes, more)
}

// isAttribute says whether a header can be one. Names with goog are Google's.
func isAttribute(name, value string) bool {
	return name != "" && len(name) <= maxAttributeName && len(value) <= maxAttributeValue && !strings.HasPrefix(name, "goog") && !strings.HasPrefix(name, headerMore)
}

func addMore(attributes, more map[string]string) error {
	if len(more) == 0 {
		return nil
	}
	text, err := json.Marshal(more)
	if err != nil {
		return err
	}
	for rest := string(text); rest != ""; {
		n := min(len(rest), maxAttributeValue)
		for n < len(rest) && !utf8.RuneStart(rest[n]) {
			n--
		}
		attributes[fmt.Sprintf("%s%02d", headerMore, len(attributes))] = rest[:n]
		rest = rest[n:]
	}
	if len(attributes) > maxAttributes {
		return fmt.Errorf("%w: the headers fill %d attributes, Pub/Sub takes %d", bus.ErrTooLarge, len(attributes), maxAttributes)
	}
	return nil
}

func fromPubSub(p *pubsubpb.PubsubMessage) *bus.Message {
	m := &bus.Message{
		Key: p.OrderingKey, Body: p.Data, Headers: make(map[string]string, len(p.Attributes)),
		Position: p.MessageId, Published: p.PublishTime.AsTime(),
	}
	var parts []string
	for name, value := range p.Attributes {
		if strings.HasPrefix(name, headerMore) {
			parts = append(parts, name)
		} else {
			m.Headers[name] = value
		}
	}
	slices.Sort(parts)
	var text strings.Builder
	for _, name := range parts {
		text.WriteString(p.Attributes[name])
	}
	more := map[string]string{}
	if json.Unmarshal([]byte(text.String()), &more) == nil {
		maps.Copy(m.Headers, more)
	}
	m.ID = m.Headers[headerID]
	delete(m.Headers, headerID)
	return m
}
