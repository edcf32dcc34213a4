package channel

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Inspect answers `sluice events`: the paths of contract.PathEvents.
func (d *Dispatcher) Inspect() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, h func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := h(r)
			if err != nil {
				answer(w, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v) // the reader may be gone
		})
	}
	page("GET "+contract.PathEventsLag, func(r *http.Request) (any, error) {
		return d.Lags(r.Context(), r.FormValue("namespace")), nil
	})
	page("GET "+contract.PathEventsTrace, d.inspectTrace)
	page("POST "+contract.PathEventsSend, d.inspectSend)
	page("GET "+contract.PathEventsDead, d.inspectDead)
	page("POST "+contract.PathEventsRedrive, d.inspectRedrive)
	page("POST "+contract.PathEventsReplay, d.inspectReplay)
	mux.HandleFunc("GET "+contract.PathEventsTail, d.tail)
	return mux
}

// parseRef reads namespace/name.
func parseRef(what, s string) (contract.Ref, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok || namespace == "" || name == "" {
		return contract.Ref{}, refuse(http.StatusBadRequest, "%s=%q: write it as NAMESPACE/NAME", what, s)
	}
	return contract.Ref{Namespace: namespace, Name: name}, nil
}

// askedChannel is the channel of a request, and its line.
func (d *Dispatcher) askedChannel(r *http.Request) (*live, *line, error) {
	ref, err := parseRef("channel", r.FormValue("channel"))
	if err != nil {
		return nil, nil, err
	}
	for _, l := range d.allLines() {
		if c := l.live(ref); c != nil {
			if c.topic == nil {
				return nil, nil, refuse(http.StatusServiceUnavailable, "channel %s: %s", ref, c.why)
			}
			return c, l, nil
		}
	}
	return nil, nil, absent("channel", ref, d.specs.channelRefs())
}

// askedWorker is the subscription of a request.
func (d *Dispatcher) askedWorker(r *http.Request) (*worker, error) {
	ref, err := parseRef("subscription", r.FormValue("subscription"))
	if err != nil {
		return nil, err
	}
	for _, w := range d.allWorkers(ref.Namespace) {
		if w.spec.Ref == ref {
			return w, nil
		}
	}
	return nil, absent("subscription", ref, d.specs.subscriptionRefs())
}

// limit reads a number of events; 0 is not given.
func limit(r *http.Request, otherwise int) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, refuse(http.StatusBadRequest, "limit=%q: write a number above 0", s)
	}
	return n, nil
}

func (d *Dispatcher) inspectSend(r *http.Request) (any, error) {
	c, _, err := d.askedChannel(r)
	if err != nil {
		return nil, err
	}
	body, err := readBody(r, c.maxBytes())
	if err != nil {
		return nil, err
	}
	var e cloudevents.Event
	if err := e.ReadHTTP(r.Header, body); err != nil {
		return nil, err
	}
	stored, err := d.store(r.Context(), c, []cloudevents.Event{e})
	if err != nil {
		return nil, err
	}
	return contract.Sent{Channel: c.spec.Ref.String(), ID: e.ID, Position: stored[0].Position}, nil
}

// stored is a message as it is shown.
func stored(channel contract.Ref, m *bus.Message) contract.StoredEvent {
	s := contract.StoredEvent{Channel: channel.String(), Position: m.Position, Stored: m.Published}
	e, err := event(m)
	if err != nil {
		s.Event, _ = json.Marshal(map[string]string{"error": err.Error()}) // a text always marshals
		return s
	}
	s.Event = e.AppendJSON(nil)
	return s
}

func (d *Dispatcher) inspectReplay(r *http.Request) (any, error) {
	w, err := d.askedWorker(r)
	if err != nil {
		return nil, err
	}
	to, err := pointOf(r.FormValue("since"), r.FormValue("position"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	if err := w.line.seek(r.Context(), w.spec, to); err != nil {
		if errors.Is(err, bus.ErrUnsupported) {
			return nil, refuse(http.StatusNotImplemented, "%v", err)
		}
		return nil, err
	}
	if w.halted.Load() != nil {
		w.stale.Store(true)
		w.line.tell()
	}
	moved := contract.Moved{Subscription: w.spec.Ref.String(), Events: w.lag(r.Context(), time.Now()).Pending}
	return moved, nil
}
