package channel

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// headerDeadCode is the subscriber's last status, on a dead event that is kept.
	headerDeadCode = "dead-code"
	// deadRetention keeps dead events: until somebody looks, ten years at most.
	deadRetention = 10 * 365 * 24 * time.Hour
)

// deadTopics remembers which subscriptions have one.
type deadTopics struct {
	mu    sync.Mutex // guards known
	known map[string]bool
}

func (t *deadTopics) has(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[name]
}

func (t *deadTopics) set(name string, there bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if there {
		t.known[name] = true
		return
	}
	delete(t.known, name)
}

// recallDead finds what an earlier process kept.
func (l *line) recallDead(ctx context.Context) error {
	inv, err := l.driver.List(ctx)
	if err != nil {
		return fmt.Errorf("bus %s: %w", l.ref, err)
	}
	for _, topic := range inv.Topics {
		if strings.HasPrefix(topic, "dead_") {
			l.dead.set(topic, true)
		}
	}
	return nil
}

// bury puts a dead event where it belongs: the dead letter sink; where there is
// none, or that fails too, a topic of its own.
func (w *worker) bury(ctx context.Context, m *bus.Message, why bus.Death) error {
	status, text := 0, "the message could not be handled"
	if why.Err != nil {
		text = why.Err.Error()
	}
	f, _ := errors.AsType[*attempt.Failure](why.Err)
	if f != nil {
		status = f.Status
	}
	e, err := event(m)
	if err == nil && w.deadLetter != nil {
		gone := w.lament(ctx, e, f, text)
		if gone == nil {
			w.buried(m, e.Type, why.Attempts, status, text+"; sent to "+w.deadLetter.String())
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err() // the subscription stops, which says nothing of the sink
		}
		text += "; the dead letter sink failed too: " + gone.Text
	}
	dead := bus.DeadMessage(m, bus.Death{Topic: why.Topic, Subscription: why.Subscription, Attempts: why.Attempts, Err: errors.New(text), Time: why.Time})
	dead.Headers[headerDeadCode] = strconv.Itoa(status)
	if err := w.graves().keep(ctx, w.spec.Ref, dead); err != nil {
		return err
	}
	w.buried(m, e.Type, why.Attempts, status, text+"; kept, see `sluice events dead "+w.spec.Ref.String()+"`")
	return nil
}

func (w *worker) buried(m *bus.Message, typ string, attempts, status int, text string) {
	w.count.dead.Add(1)
	m.Attempt = attempts
	w.note(m, typ, stop{outcome: contract.OutcomeDead, status: status, text: text})
}

// lament sends a dead event to its sink, with what went wrong as extensions.
func (w *worker) lament(ctx context.Context, e cloudevents.Event, f *attempt.Failure, text string) *attempt.Failure {
	sent := e
	e = attempt.Dead(e, f, text)
	if w.line.d.isChannel(w.deadLetter) {
		if goes, err := countDown(&sent, &e, deadLetterTurns); err != nil || !goes {
			return wentRound(w.deadLetter)
		}
	}
	_, failed := w.line.d.send(ctx, w.deadLetter, &e, &w.spec.Delivery)
	return failed
}

// keep stores a dead event until it is redriven.
func (l *line) keep(ctx context.Context, sub contract.Ref, dead *bus.Message) error {
	driver, _, err := l.opened()
	if err != nil {
		return err
	}
	name := deadTopicName(sub)
	if !l.dead.has(name) {
		if err := driver.EnsureTopic(ctx, bus.TopicSpec{Name: name, Retention: deadRetention}); err != nil {
			return err
		}
		if err := driver.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: name, Name: redriver}); err != nil {
			return err
		}
		l.dead.set(name, true)
	}
	return driver.Publish(ctx, name, []*bus.Message{dead})
}
