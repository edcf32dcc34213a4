package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// ledgerTopic holds what we made: compacted, one partition, never read by
// anybody else.
const ledgerTopic = "sluice.ledger"

// ledger notes what we made, after it was made: what dies in between is not
// ours, and so is never removed by mistake.
type ledger struct{ bus *Bus }

// entry is the value of a record; the key is topic, or topic/subscription.
type entry struct {
	// TopicID tells a topic from another that later has its name.
	TopicID string `json:"topicID"`
}

// note writes an entry; nil takes it out.
func (l *ledger) note(ctx context.Context, key string, e *entry) error {
	if err := l.ensure(ctx); err != nil {
		return err
	}
	r := &kgo.Record{Topic: ledgerTopic, Key: []byte(key)}
	if e != nil {
		value, err := json.Marshal(e)
		if err != nil {
			return err
		}
		r.Value = value
	}
	if err := l.bus.client.ProduceSync(ctx, r).FirstErr(); err != nil {
		return fmt.Errorf("ledger %s: %w", ledgerTopic, err)
	}
	return nil
}

func (l *ledger) ensure(ctx context.Context) error {
	policy := "compact"
	_, err := l.bus.admin.CreateTopic(ctx, 1, -1, map[string]*string{"cleanup.policy": &policy}, ledgerTopic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("ledger %s: %w", ledgerTopic, err)
	}
	return nil
}

// read returns all entries.
func (l *ledger) read(ctx context.Context) (map[string]entry, error) {
	entries := map[string]entry{}
	err := l.bus.Browse(ctx, ledgerTopic, bus.Earliest(), false, func(m *bus.Message) bool {
		var e entry
		if len(m.Body) == 0 || json.Unmarshal(m.Body, &e) != nil {
			delete(entries, m.Key)
		} else {
			entries[m.Key] = e
		}
		return true
	})
	if errors.Is(err, bus.ErrNotFound) {
		return entries, nil
	}
	return entries, err
}

// owned says whether a topic that exists is the one that we made.
func (l *ledger) owned(ctx context.Context, t kadm.TopicDetail) (bool, map[string]entry, error) {
	entries, err := l.read(ctx)
	if err != nil {
		return false, nil, err
	}
	e, noted := entries[t.Topic]
	return noted && e.TopicID == t.ID.String(), entries, nil
}

// subscriptionsOf are the names noted for a topic.
func subscriptionsOf(entries map[string]entry, topic string) (names []string) {
	for key := range entries {
		if t, name, ok := strings.Cut(key, "/"); ok && t == topic {
			names = append(names, name)
		}
	}
	return names
}
