package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// ingressCount counts requests that reached no channel.
type ingressCount struct{ lost atomic.Int64 }

// refusal is why a request is not taken.
type refusal struct {
	status     int
	text       string
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

// serve answers one request.
func (d *Dispatcher) serve(w http.ResponseWriter, r *http.Request) {
	c, err := d.find(r.Host, r.URL.Path)
	if err != nil {
		d.count.lost.Add(1)
		answer(w, err)
		return
	}
	if c.away {
		d.forward(w, r, c)
		return
	}
	if r.Method == http.MethodOptions {
		cloudevents.Consent(w, r)
		return
	}
	if err := d.take(c, r); err != nil {
		if c.count != nil {
			c.count.refused.Add(1)
		}
		answer(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// find is the channel that a request to a host and a path is for.
func (d *Dispatcher) find(to, path string) (*live, error) {
	t := d.table.Load()
	host := hostOf(to)
	if c := t.hosts[host]; c != nil {
		if path != "/" && path != "" {
			return nil, refuse(http.StatusNotFound, "channel %s takes events at /, not at %s", c.spec.Ref, path)
		}
		return c, nil
	}
	if c := t.paths[strings.TrimSuffix(path, "/")]; c != nil {
		return c, nil
	}
	if !d.Ready() {
		return nil, &refusal{http.StatusServiceUnavailable, "channels are being opened; come back", time.Second}
	}
	if host == contract.BrokerIngressHost || host+"."+contract.ClusterDomain == contract.BrokerIngressHost {
		return nil, refuse(http.StatusNotFound, "there is no Broker at %s: the address of Broker NAME in namespace NS is http://%s/NS/NAME", path, contract.BrokerIngressHost)
	}
	return nil, refuse(http.StatusNotFound, "no channel has the host %q: the host of channel NAME in namespace NS is NAME-channel.NS.svc.cluster.local", host)
}

// hostOf is a Host header without port, in lower case.
func hostOf(host string) string {
	if strings.IndexByte(host, ':') >= 0 {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// take stores what a request brings.
func (d *Dispatcher) take(c *live, r *http.Request) error {
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "%s is not served here: POST an event", r.Method)
	}
	if c.topic == nil {
		return &refusal{http.StatusServiceUnavailable, "channel " + c.spec.Ref.String() + " takes no events now: " + c.why, 2 * time.Second}
	}
	body, err := readBody(r, c.maxBytes())
	if err != nil {
		return err
	}
	return d.accept(r.Context(), c, r.Header, body)
}

// accept stores what a body and its headers are.
func (d *Dispatcher) accept(ctx context.Context, c *live, h http.Header, body []byte) error {
	events, err := cloudevents.FromHTTP(h, body)
	if err != nil {
		return err
	}
	for i := range events {
		if err := carryTrace(&events[i], h); err != nil {
			return err
		}
	}
	_, err = d.store(ctx, c, events)
	return err
}

// readBody reads at most max bytes.
func readBody(r *http.Request, max int64) ([]byte, error) {
	if r.ContentLength > max {
		return nil, tooLarge(max)
	}
	if r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, brokenOff(err)
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, max+1))
	if err != nil {
		return nil, brokenOff(err)
	}
	if int64(len(body)) > max {
		return nil, tooLarge(max)
	}
	return body, nil
}

func brokenOff(err error) error {
	return refuse(http.StatusBadRequest, "the request's body broke off: %v", err)
}

func tooLarge(max int64) error {
	return refuse(http.StatusRequestEntityTooLarge, "the event has more than the %d bytes that this channel takes; keep the payload elsewhere and send a reference (a claim check)", max)
}

// carryTrace puts the request's trace context into an event that has none.
func carryTrace(e *cloudevents.Event, h http.Header) error {
	parent := h["Traceparent"]
	if _, has := e.Attribute("traceparent"); has || len(parent) == 0 || parent[0] == "" {
		return nil
	}
	if err := e.Set("traceparent", parent[0]); err != nil {
		return err
	}
	if state := h["Tracestate"]; len(state) > 0 && state[0] != "" {
		return e.Set("tracestate", state[0])
	}
	return nil
}

// store has the bus keep events, all or, with an error, any of them. How long
// that may take the bus knows best.
func (d *Dispatcher) store(ctx context.Context, c *live, events []cloudevents.Event) ([]*bus.Message, error) {
	messages := make([]*bus.Message, len(events))
	for i := range events {
		messages[i] = message(&events[i], c.order)
	}
	if err := c.topic.Publish(ctx, messages...); err != nil {
		return nil, d.notStored(c, err)
	}
	c.count.in.Add(int64(len(messages)))
	now := time.Now()
	for i, m := range messages {
		d.trails.accepted(c, m, events[i].Type, now)
	}
	return messages, nil
}

// notStored says what the sender can do.
func (d *Dispatcher) notStored(c *live, err error) error {
	switch {
	case errors.Is(err, bus.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "the event is too large for the bus of channel %s: %v", c.spec.Ref, err)
	case errors.Is(err, bus.ErrFull):
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("the bus of channel %s is full: %v", c.spec.Ref, err), time.Second}
	}
	d.cfg.Log.Warn("event not stored", "channel", c.spec.Ref, "error", err)
	return &refusal{http.StatusServiceUnavailable, fmt.Sprintf("the bus of channel %s did not store the event; send it again: %v", c.spec.Ref, err), time.Second}
}

// answer turns an error into an HTTP answer.
func answer(w http.ResponseWriter, err error) {
	h := w.Header()
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*cloudevents.Error](err); ok {
		status = e.Status
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		status = r.status
		if r.retryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int((r.retryAfter+time.Second-1)/time.Second)))
		}
	}
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", "POST, OPTIONS")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error()+"\n") // the sender may be gone
}
