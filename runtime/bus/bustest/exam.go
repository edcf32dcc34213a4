package bustest

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// exam is one question's desk.
type exam struct {
	*testing.T
	promises bus.Promises
	store    Store
	driver   bus.Driver
	names    int
}

func newExam(t *testing.T, p bus.Promises, s Store) *exam {
	if s.Quiet == 0 {
		s.Quiet = 200 * time.Millisecond
	}
	e := &exam{T: t, promises: p, store: s}
	e.driver = e.open()
	return e
}

// open connects; the driver is closed at the end.
func (e *exam) open() bus.Driver {
	e.Helper()
	d := e.store.Open(e.T)
	e.Cleanup(func() {
		if err := d.Close(); err != nil {
			e.Errorf("close: %v", err)
		}
	})
	return d
}

// ctx bounds one wait.
func (e *exam) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	e.Cleanup(cancel)
	return ctx
}

func (e *exam) must(err error, what string, args ...any) {
	e.Helper()
	if err != nil {
		e.Fatalf("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// name makes a name that no other question uses on the same server.
func (e *exam) name(kind string) string {
	e.names++
	h := fnv.New32a()
	_, _ = io.WriteString(h, e.Name())
	return fmt.Sprintf("exam.%s-%08x-%d-%d", kind, h.Sum32(), time.Now().UnixMilli()%1e9, e.names)
}

func (e *exam) topic() string {
	e.Helper()
	name := e.name("topic")
	e.must(e.driver.EnsureTopic(e.ctx(), bus.TopicSpec{Name: name, Args: e.store.Args}), "ensure topic")
	e.Cleanup(func() { _ = e.driver.RemoveTopic(context.WithoutCancel(e.Context()), name) })
	return name
}

func (e *exam) subscribe(topic string, start bus.Point) string {
	e.Helper()
	name := e.name("sub")
	e.ensure(bus.SubscriptionSpec{Topic: topic, Name: name, Start: start})
	return name
}

func (e *exam) subscribeOrdered(topic string) string {
	e.Helper()
	name := e.name("sub")
	e.ensure(bus.SubscriptionSpec{Topic: topic, Name: name, Ordered: true})
	return name
}

func (e *exam) ensure(s bus.SubscriptionSpec) {
	e.Helper()
	e.must(e.driver.EnsureSubscription(e.ctx(), s), "ensure subscription")
}

// publish stores one message per body, one after the other.
func (e *exam) publish(topic string, bodies ...string) {
	e.Helper()
	e.publishKeyed(topic, "", bodies...)
}

func (e *exam) publishKeyed(topic, key string, bodies ...string) {
	e.Helper()
	var batch []*bus.Message
	for _, b := range bodies {
		batch = append(batch, &bus.Message{Key: key, Body: []byte(b)})
	}
	e.must(e.driver.Publish(e.ctx(), topic, batch), "publish")
}

func (e *exam) receive(d bus.Driver, topic, sub string) *receiver {
	e.Helper()
	return e.receiveAs(d, bus.Receive{Topic: topic, Subscription: sub, Window: 1024})
}

func (e *exam) receiveAs(d bus.Driver, r bus.Receive) *receiver {
	e.Helper()
	s, err := d.Receive(e.ctx(), r)
	e.must(err, "receive")
	rc := &receiver{e: e, stream: s}
	e.Cleanup(rc.close)
	return rc
}

// receiver takes messages from a stream.
type receiver struct {
	e      *exam
	stream bus.Stream
	closed bool
}

// take returns n messages.
func (r *receiver) take(n int) []*bus.Message {
	r.e.Helper()
	var got []*bus.Message
	for len(got) < n {
		batch, err := r.stream.Next(r.e.ctx(), n-len(got))
		r.e.must(err, "next, after %d of %d", len(got), n)
		if len(batch) == 0 || len(batch) > n-len(got) {
			r.e.Fatalf("next(%d) gave %d messages", n-len(got), len(batch))
		}
		got = append(got, batch...)
	}
	return got
}

// none fails if anything comes.
func (r *receiver) none() {
	r.e.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), r.e.store.Quiet)
	defer cancel()
	if batch, err := r.stream.Next(ctx, 10); len(batch) > 0 {
		r.e.Fatalf("got %q, want nothing", bodies(batch))
	} else if ctx.Err() == nil {
		r.e.Fatalf("next ended before its context: %v", err)
	}
}

func (r *receiver) settle(done bool, messages ...*bus.Message) {
	r.e.Helper()
	for _, m := range messages {
		r.e.must(r.stream.Settle(r.e.ctx(), m, done), "settle")
	}
}

// want takes these bodies, in any order, and settles them.
func (r *receiver) want(want ...string) []*bus.Message {
	r.e.Helper()
	got := r.take(len(want))
	r.e.same(bodies(got), want)
	r.settle(true, got...)
	return got
}

func (r *receiver) close() {
	if !r.closed {
		r.closed = true
		if err := r.stream.Close(); err != nil {
			r.e.Errorf("close stream: %v", err)
		}
	}
}

// same compares without order.
func (e *exam) same(got, want []string) {
	e.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		e.Fatalf("got  %q\nwant %q", got, want)
	}
}

func bodies(messages []*bus.Message) (out []string) {
	for _, m := range messages {
		out = append(out, string(m.Body))
	}
	return out
}

func numbers(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s%04d", prefix, i))
	}
	return out
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
