package channel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// replays remembers which replays were made, so that one in a spec happens once.
// On a bus with history it is the newest message of a topic; elsewhere it lasts
// as long as the process.
type replays struct {
	mu     sync.Mutex // guards the rest
	read   bool
	tokens map[string]string // by subscription
}

// headerToken is the token of a replay that was made.
const headerToken = "token"

// obey makes the replay that a spec asks for, unless it was made.
func (l *line) obey(ctx context.Context, spec contract.Subscription) error {
	if spec.Replay == nil {
		return nil
	}
	r := &l.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	name := subscriptionName(spec.Ref)
	driver, promises, err := l.opened()
	if err != nil {
		return err
	}
	if err := r.recall(ctx, driver, promises); err != nil {
		return err
	}
	if r.tokens[name] == spec.Replay.Token {
		return nil
	}
	to, err := pointOf(spec.Replay.Since, spec.Replay.Position)
	if err != nil {
		return err
	}
	if err := l.seek(ctx, spec, to); err != nil {
		return err
	}
	if promises.History {
		note := &bus.Message{ID: name + " " + spec.Replay.Token, Key: name, Headers: map[string]string{headerToken: spec.Replay.Token}}
		if err := driver.Publish(ctx, replayTopic, []*bus.Message{note}); err != nil {
			return err
		}
	}
	r.tokens[name] = spec.Replay.Token
	return nil
}

// recall reads what earlier processes did. Under mu.
func (r *replays) recall(ctx context.Context, driver bus.Driver, promises bus.Promises) error {
	if r.read {
		return nil
	}
	r.tokens = map[string]string{}
	browser, ok := driver.(bus.Browser)
	if !ok || !promises.History {
		r.read = true
		return nil
	}
	if err := driver.EnsureTopic(ctx, bus.TopicSpec{Name: replayTopic, Retention: deadRetention}); err != nil {
		return err
	}
	err := browser.Browse(ctx, replayTopic, bus.Earliest(), false, func(m *bus.Message) bool {
		r.tokens[m.Key] = m.Header(headerToken)
		return true
	})
	r.read = err == nil
	return err
}

// seek moves a subscription's place.
func (l *line) seek(ctx context.Context, spec contract.Subscription, to bus.Point) error {
	driver, promises, err := l.opened()
	if err != nil {
		return err
	}
	seeker, ok := driver.(bus.Seeker)
	if !ok || !promises.Replay {
		return fmt.Errorf("bus %s cannot replay: %w", l.ref, bus.ErrUnsupported)
	}
	return seeker.Seek(ctx, topicName(spec.Channel), subscriptionName(spec.Ref), to)
}

// pointOf reads where a replay begins.
func pointOf(since, position string) (bus.Point, error) {
	switch {
	case since != "" && position != "":
		return bus.Point{}, fmt.Errorf("since and position are both given; one is right")
	case position != "":
		return bus.From(position), nil
	case since != "":
		return bus.ParsePoint(since, time.Now())
	}
	return bus.Point{}, fmt.Errorf("neither since nor position is given")
}
