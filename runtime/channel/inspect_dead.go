package channel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

func (d *Dispatcher) inspectDead(r *http.Request) (any, error) {
	w, err := d.askedWorker(r)
	if err != nil {
		return nil, err
	}
	most, err := limit(r, 100)
	if err != nil {
		return nil, err
	}
	out := []contract.DeadEvent{}
	for _, l := range d.linesWithDead(w.spec.Ref) {
		driver, _, err := l.opened()
		if err != nil {
			return nil, err
		}
		there, quiet := l.deadThere(r.Context(), w.spec.Ref, most)
		messages, err := bus.Peek(r.Context(), driver, deadTopicName(w.spec.Ref), redriver, there, quiet)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			out = append(out, deadEvent(w.spec, m))
		}
	}
	return out[:min(len(out), most)], nil
}

// linesWithDead are the buses that keep dead events of a subscription: its own, and
// one where its channel was before.
func (d *Dispatcher) linesWithDead(sub contract.Ref) []*line {
	return slices.DeleteFunc(d.allLines(), func(l *line) bool { return !l.dead.has(deadTopicName(sub)) })
}

const (
	// peekQuiet is how long nothing has to come until a bus is taken for empty that
	// does not say what it has.
	peekQuiet = 2 * time.Second
	// joinTime is how long one that has something may take: a new member of a group
	// in Kafka waits for others, and for 3 s unless the broker is told otherwise.
	joinTime = 15 * time.Second
)

// deadThere is how many dead events to take, most at the most, and how long to wait
// for each: where the bus counts them nobody waits for more than there are.
func (l *line) deadThere(ctx context.Context, sub contract.Ref, most int) (int, time.Duration) {
	driver, promises, err := l.opened()
	gauge, ok := driver.(bus.Gauge)
	if err != nil || !ok || !promises.Lag {
		return most, peekQuiet
	}
	lag, err := gauge.Lag(ctx, deadTopicName(sub), redriver)
	if err != nil || lag.Messages < 0 {
		return most, peekQuiet
	}
	return int(min(int64(most), lag.Messages)), joinTime
}

func deadEvent(spec contract.Subscription, m *bus.Message) contract.DeadEvent {
	e := contract.DeadEvent{StoredEvent: stored(spec.Channel, m), Subscription: spec.Ref.String(), Text: m.Header(bus.HeaderDeadReason)}
	e.Position = m.Header(bus.HeaderDeadPosition)
	e.Code, _ = strconv.Atoi(m.Header(headerDeadCode)) // 0 where it says nothing
	return e
}

// inspectRedrive puts dead events back on the channel, for this subscription
// alone. What has been put back is settled only then.
func (d *Dispatcher) inspectRedrive(r *http.Request) (any, error) {
	w, err := d.askedWorker(r)
	if err != nil {
		return nil, err
	}
	moved := contract.Moved{Subscription: w.spec.Ref.String()}
	for _, l := range d.linesWithDead(w.spec.Ref) {
		n, err := l.redrive(r.Context(), w.line, w.spec, r.FormValue("id"))
		if moved.Events += n; err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// redrive takes back what died before it began: what dies again meanwhile stays.
// It goes to where the channel is now.
func (l *line) redrive(ctx context.Context, to *line, spec contract.Subscription, id string) (n int64, err error) {
	driver, _, err := l.opened()
	if err != nil {
		return 0, err
	}
	into, _, err := to.opened()
	if err != nil {
		return 0, err
	}
	there, quiet := l.deadThere(ctx, spec.Ref, redriveWindow)
	if there == 0 {
		return 0, nil
	}
	stream, err := driver.Receive(ctx, bus.Receive{Topic: deadTopicName(spec.Ref), Subscription: redriver, Window: redriveWindow})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	began := time.Now()
	for seen := 0; seen < there; {
		batch, err := nextWithin(ctx, stream, quiet)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return n, nil // nothing more
		}
		if err != nil {
			return n, err
		}
		for _, m := range batch {
			seen++
			if died, err := time.Parse(time.RFC3339Nano, m.Header(bus.HeaderDeadTime)); err == nil && !died.Before(began) {
				return n, nil
			}
			if _, found := split(m.ID); id != "" && found != id {
				continue // is given back with the stream
			}
			if err := putBack(ctx, into, stream, topicName(spec.Channel), m); err != nil {
				return n, fmt.Errorf("redrive: %w", err)
			}
			n++
		}
	}
	return n, nil
}

// putBack puts a dead event back on its channel, and only then takes it away.
func putBack(ctx context.Context, driver bus.Driver, stream bus.Stream, topic string, m *bus.Message) error {
	if err := driver.Publish(ctx, topic, []*bus.Message{bus.Redriven(m)}); err != nil {
		return err
	}
	return stream.Settle(ctx, m, true)
}

// redriveWindow is how many dead events one request moves or looks through.
const redriveWindow = 10_000

func nextWithin(ctx context.Context, s bus.Stream, quiet time.Duration) ([]*bus.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return s.Next(ctx, 256)
}
