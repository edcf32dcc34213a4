package kafka

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Type is the type of events that are made of records which are none.
const Type = "dev.knative.kafka.event"

// headerPrefix begins the extension that a record's header becomes.
const headerPrefix = "kafkaheader"

// event is a record as an event: the one that it is by Kafka's binding, binary
// or structured, or one made of it.
func event(ref contract.Ref, r *kgo.Record) cloudevents.Event {
	headers := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		name := strings.ToLower(h.Key)
		if attribute, ok := strings.CutPrefix(name, "ce_"); ok {
			name = "ce-" + attribute
		}
		headers[name] = string(h.Value)
	}
	if e, err := cloudevents.FromPlain(headers, r.Value); err == nil {
		return e
	}
	return made(ref, r, headers["content-type"])
}

// made is an event of what is none. The key is the extensions key and
// partitionkey, in base64 where it is no text; a header is kafkaheaderNAME, with
// the letters and digits of its name. What no attribute can hold is left out.
func made(ref contract.Ref, r *kgo.Record, contentType string) cloudevents.Event {
	e := cloudevents.Event{
		ID:      fmt.Sprintf("partition:%d/offset:%d", r.Partition, r.Offset),
		Source:  fmt.Sprintf("/apis/v1/namespaces/%s/kafkasources/%s#%s", ref.Namespace, ref.Name, r.Topic),
		Type:    Type,
		Subject: fmt.Sprintf("partition:%d#%d", r.Partition, r.Offset),
	}
	if !r.Timestamp.IsZero() {
		e.Time = r.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	for _, h := range r.Headers {
		if !strings.EqualFold(h.Key, "content-type") {
			_ = e.Set(headerPrefix+bare(h.Key), string(h.Value)) // what it cannot hold is left out
		}
	}
	if key := text(r.Key); key != "" && e.Set("key", key) == nil {
		_ = e.Set("partitionkey", key) // as key, which was taken
	}
	if r.Value != nil {
		if e.Set("datacontenttype", contentType) != nil {
			contentType = ""
		}
		e.SetData(contentType, r.Value)
	}
	return e
}

// text is a key as text: itself, or base64 of what an attribute cannot hold.
func text(key []byte) string {
	printable := utf8.Valid(key)
	for _, c := range key {
		printable = printable && c >= 0x20 && c != 0x7f
	}
	if printable {
		return string(key)
	}
	return base64.StdEncoding.EncodeToString(key)
}

// bare keeps what an attribute's name may have.
func bare(name string) string {
	return strings.Map(func(c rune) rune {
		if (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') {
			return c
		}
		return -1
	}, strings.ToLower(name))
}
