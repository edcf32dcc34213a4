package channel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/channel/filter"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// sink is where events are sent: an address or a channel.
type sink struct {
	target  *post.Target
	channel contract.Ref
	host    string // of the target
	path    string
}

// sink compiles a destination; nil gives nil.
func (d *Dispatcher) sink(to *contract.Destination) (*sink, error) {
	switch {
	case to == nil:
		return nil, nil
	case to.URL == "" && to.Channel != nil:
		return &sink{channel: *to.Channel}, nil
	}
	target, err := d.cfg.Client.Target(*to)
	if err != nil {
		return nil, err
	}
	s := &sink{target: target}
	if u, err := url.Parse(to.URL); err == nil {
		s.host, s.path = hostOf(u.Host), u.Path
	}
	return s, nil
}

// String is how messages name the sink.
func (s *sink) String() string {
	if s.target == nil {
		return "channel " + s.channel.String()
	}
	return s.target.URL()
}

// send makes one attempt.
func (d *Dispatcher) send(ctx context.Context, s *sink, e *cloudevents.Event, spec *contract.Delivery) (post.Answer, *attempt.Failure) {
	if s.target == nil {
		if away := d.table.Load().away[s.channel]; away != nil {
			return d.send(ctx, away, e, spec)
		}
		return post.Answer{Status: http.StatusAccepted}, d.into(ctx, s, e)
	}
	a, err := s.target.Post(ctx, e, spec.Format, time.Duration(cmp.Or(spec.Timeout, contract.DefaultTimeout)))
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it took too long (delivery.timeout)")
	}
	if errors.Is(err, post.ErrAnswerTooLarge) && a.Status < 300 {
		// It took the event; asking again gives the same.
		return a, &attempt.Failure{URL: s.String(), Status: a.Status, Fate: attempt.Never, Text: s.String() + ": " + err.Error()}
	}
	return a, attempt.Judge(s.String(), a, err, time.Now())
}

// into puts an event into a channel of ours.
func (d *Dispatcher) into(ctx context.Context, s *sink, e *cloudevents.Event) *attempt.Failure {
	c := d.table.Load().refs[s.channel]
	err := errors.New("it is not there")
	switch {
	case c == nil || c.topic == nil:
	case int64(len(e.Data)) > c.maxBytes():
		err = tooLarge(c.maxBytes())
	default:
		_, err = d.store(ctx, c, []cloudevents.Event{*e})
	}
	if err == nil {
		return nil
	}
	f := &attempt.Failure{URL: contract.ChannelURL(s.channel.Namespace, s.channel.Name), Fate: attempt.Again, Text: s.String() + ": " + err.Error()}
	if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusRequestEntityTooLarge {
		f.Fate, f.Status = attempt.Never, r.status
	}
	return f
}

// handle delivers one event, once.
func (w *worker) handle(ctx context.Context, m *bus.Message) bus.Verdict {
	e, err := event(m)
	if err != nil {
		return bus.Dead(fmt.Errorf("the stored message is no CloudEvent: %w", err))
	}
	in := filter.Input{Event: &e}
	chosen, err := w.filter.Match(&in)
	if !chosen {
		return w.pass(m, e.Type, err)
	}
	out, err := w.shape(&in)
	if err != nil {
		return bus.Dead(err)
	}
	a, f := w.deliver(ctx, &out)
	if f != nil {
		return w.failed(m, e.Type, f)
	}
	went, f := w.respond(ctx, &out, a)
	if f != nil {
		return w.failed(m, e.Type, f)
	}
	w.failing.Store(nil)
	w.count.delivered.Add(1)
	w.note(m, e.Type, stop{outcome: contract.OutcomeDelivered, status: a.Status, text: went})
	return bus.Ack()
}

// deliver sends an event to the subscriber, if there is one.
func (w *worker) deliver(ctx context.Context, e *cloudevents.Event) (post.Answer, *attempt.Failure) {
	if w.subscriber == nil {
		return post.Answer{}, nil
	}
	if !w.line.d.isChannel(w.subscriber) {
		return w.line.d.send(ctx, w.subscriber, e, &w.spec.Delivery)
	}
	next := e.Clone()
	if goes, err := countDown(e, &next, 1); err != nil || !goes {
		return post.Answer{}, wentRound(w.subscriber)
	}
	return w.line.d.send(ctx, w.subscriber, &next, &w.spec.Delivery)
}

// pass leaves an event out.
func (w *worker) pass(m *bus.Message, typ string, err error) bus.Verdict {
	w.count.filtered.Add(1)
	s := stop{outcome: contract.OutcomeFiltered}
	if err != nil {
		w.count.unfit.Add(1)
		s.text = err.Error()
	}
	w.note(m, typ, s)
	return bus.Ack()
}

// shape is the event as it is sent.
func (w *worker) shape(in *filter.Input) (cloudevents.Event, error) {
	e, err := w.transform.Apply(in)
	if err != nil || len(w.extensions) == 0 {
		return e, err
	}
	e = e.Clone()
	for _, name := range w.extensions {
		if err := e.Set(name, w.spec.Extensions[name]); err != nil {
			return e, fmt.Errorf("extensions: %w", err)
		}
	}
	return e, nil
}

// failed says what comes after an attempt that did not succeed.
func (w *worker) failed(m *bus.Message, typ string, f *attempt.Failure) bus.Verdict {
	w.failing.Store(&f.Text)
	w.note(m, typ, stop{outcome: contract.OutcomeRetrying, status: f.Status, text: f.Text})
	switch f.Fate {
	case attempt.Gone:
		w.halt(f.Text + "; edit the subscription to begin again")
		return bus.Keep(f)
	case attempt.Never:
		return bus.Dead(f)
	}
	return bus.RetryAfter(f.After, f)
}

func (w *worker) note(m *bus.Message, typ string, s stop) {
	s.sub, s.attempts, s.at = w.spec.Ref, m.Attempt, time.Now()
	w.line.d.trails.stopped(w.spec.Channel, m, typ, s)
}

// respond sends on what the subscriber answered with, or, where there is no
// subscriber, the event itself. It says where that went.
func (w *worker) respond(ctx context.Context, sent *cloudevents.Event, a post.Answer) (string, *attempt.Failure) {
	if w.reply == nil {
		return "", nil
	}
	replies := []cloudevents.Event{*sent}
	if w.subscriber != nil {
		if !answersEvent(a) {
			return "", nil
		}
		var err error
		if replies, err = cloudevents.FromHTTP(a.Header, a.Body); err != nil {
			return "", &attempt.Failure{URL: w.subscriber.String(), Status: a.Status, Data: a.Body, Fate: attempt.Again, Text: "the event that " + w.subscriber.String() + " answered with cannot be read: " + err.Error()}
		}
	}
	went := "replied to " + w.reply.String()
	for i := range replies {
		goes, f := w.respondOne(ctx, sent, &replies[i])
		if f != nil {
			f.Text = "reply: " + f.Text
			return "", f
		}
		if !goes {
			went = "the reply to " + w.reply.String() + " was dropped: " + circle
		}
	}
	return went, nil
}

// respondOne sends on one reply; false is one that goes in a circle.
func (w *worker) respondOne(ctx context.Context, sent, reply *cloudevents.Event) (bool, *attempt.Failure) {
	if w.line.d.isChannel(w.reply) {
		goes, err := countDown(sent, reply, 1)
		if err != nil {
			return false, &attempt.Failure{URL: w.reply.String(), Fate: attempt.Never, Text: err.Error()}
		}
		if !goes {
			w.count.dropped.Add(1)
			w.line.log.Warn("reply dropped: events go in a circle", "subscription", w.spec.Ref, "event", reply.ID)
			return false, nil
		}
	}
	inheritTrace(sent, reply)
	if _, f := w.line.d.send(ctx, w.reply, reply, &w.spec.Delivery); f != nil {
		if f.Fate == attempt.Gone {
			f.Fate = attempt.Never
		}
		return false, f
	}
	w.count.replies.Add(1)
	return true, nil
}

// answersEvent tells an answer with an event from one with just any body.
func answersEvent(a post.Answer) bool {
	ct := strings.ToLower(a.Header.Get("Content-Type"))
	return strings.HasPrefix(ct, "application/cloudevents") || a.Header.Get("Ce-Specversion") != "" || a.Header.Get("Ce-Cloudeventsversion") != ""
}

// inheritTrace lets a reply that has no trace context go on with the event's.
func inheritTrace(sent, reply *cloudevents.Event) {
	if _, has := reply.Attribute("traceparent"); has {
		return
	}
	for _, name := range []string{"traceparent", "tracestate"} {
		if v, ok := sent.Attribute(name); ok {
			_ = reply.Set(name, v) // was valid where it comes from
		}
	}
}
