package channel

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// searchTimeout bounds the search of buses for an event that is not remembered.
const searchTimeout = 5 * time.Second

// inspectTrace tells where an event is: from memory, or, for one from before
// this process, from what the buses have stored.
func (d *Dispatcher) inspectTrace(r *http.Request) (any, error) {
	id, source := r.FormValue("id"), r.FormValue("source")
	if id == "" {
		return nil, refuse(http.StatusBadRequest, "id is required: the event's id")
	}
	out := []contract.Trail{}
	for key, tr := range d.trails.find(id, source) {
		out = append(out, d.remembered(r.Context(), key, tr))
	}
	if len(out) == 0 {
		out = append(out, d.search(r.Context(), id, source)...)
	}
	slices.SortFunc(out, func(a, b contract.Trail) int {
		return cmp.Or(a.Accepted.Compare(b.Accepted), cmp.Compare(a.Channel, b.Channel))
	})
	return out, nil
}

func (d *Dispatcher) remembered(ctx context.Context, key trailKey, tr trail) contract.Trail {
	t := contract.Trail{Type: tr.typ, Channel: key.channel.String(), Position: tr.position, Accepted: tr.accepted}
	t.Source, t.ID = split(key.id)
	for _, w := range d.allWorkers("") {
		if w.spec.Channel != key.channel {
			continue
		}
		s, noted := tr.at(w.spec.Ref)
		if !noted && time.Since(tr.accepted) > countTime && w.isPast(ctx, tr.accepted) {
			if s, noted = d.trails.get(key).at(w.spec.Ref); !noted { // nor in the meantime
				t.Stops = append(t.Stops, w.past())
				continue
			}
		}
		if state, _ := w.state(); !noted || s.outcome == contract.OutcomeRetrying && state != contract.StateRunning {
			t.Stops = append(t.Stops, w.pending())
			continue
		}
		t.Stops = append(t.Stops, contract.Stop{
			Subscription: s.sub.String(), Outcome: s.outcome, Attempts: s.attempts, Time: s.at, Status: s.status, Text: s.text,
		})
	}
	return t
}

// countTime is how long after it was stored an event may not be counted yet by its
// bus as one that waits.
const countTime = time.Second

// isPast tells whether the subscription is through with what was stored at a time:
// that shows in the age of the oldest that it is not through with.
func (w *worker) isPast(ctx context.Context, stored time.Time) bool {
	driver, promises, err := w.line.opened()
	gauge, ok := driver.(bus.Gauge)
	if err != nil || !ok || !promises.Age {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, gaugeTimeout)
	defer cancel()
	lag, err := gauge.Lag(ctx, topicName(w.spec.Channel), subscriptionName(w.spec.Ref))
	return err == nil && (lag.Messages == 0 || stored.Before(lag.Oldest))
}

// past is a subscription that is through with an event, who knows how.
func (w *worker) past() contract.Stop {
	return contract.Stop{
		Subscription: w.spec.Ref.String(), Outcome: contract.OutcomeSettled,
		Text: "it is past this event: it began later or was moved, or an earlier process delivered it, filtered it or gave it up",
	}
}

// pending is a subscription that has not come to an event yet, or does not come to
// it again.
func (w *worker) pending() contract.Stop {
	s := contract.Stop{Subscription: w.spec.Ref.String(), Outcome: contract.OutcomePending}
	if state, text := w.state(); state != contract.StateRunning {
		s.Text = state + ": " + text
	} else if last := w.failing.Load(); last != nil {
		s.Text = "earlier events hold it up: " + *last
	}
	return s
}

// search looks through all channels that keep history.
func (d *Dispatcher) search(ctx context.Context, id, source string) []contract.Trail {
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	var out []contract.Trail
	for _, l := range d.allLines() {
		driver, promises, err := l.opened()
		browser, ok := driver.(bus.Browser)
		if err != nil || !ok || !promises.History {
			continue
		}
		for ref := range l.allLive() {
			_ = browser.Browse(ctx, topicName(ref), bus.Earliest(), false, func(m *bus.Message) bool { // what was found counts
				if s, i := split(m.ID); i == id && (source == "" || s == source) && m.Header(bus.HeaderFor) == "" {
					out = append(out, d.found(ctx, l, ref, m))
				}
				return true
			})
		}
	}
	return out
}

func (l *line) allLive() map[contract.Ref]*live {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.channels)
}

// found is an event of which only the bus knows.
func (d *Dispatcher) found(ctx context.Context, l *line, channel contract.Ref, m *bus.Message) contract.Trail {
	t := contract.Trail{Type: m.Header("ce-type"), Channel: channel.String(), Position: m.Position, Accepted: m.Published}
	t.Source, t.ID = split(m.ID)
	if _, promises, err := l.opened(); err != nil || !promises.Age {
		return t
	}
	for _, w := range d.allWorkers("") {
		switch {
		case w.spec.Channel != channel:
		case w.isPast(ctx, m.Published):
			t.Stops = append(t.Stops, w.past())
		default:
			t.Stops = append(t.Stops, w.pending())
		}
	}
	return t
}
