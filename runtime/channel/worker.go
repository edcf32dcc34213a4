package channel

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/channel/attempt"
	"github.com/sluice-dev/sluice/runtime/channel/filter"
	"github.com/sluice-dev/sluice/schema/contract"
)

// worker delivers one subscription, as one spec says. A changed spec is another
// worker.
type worker struct {
	line  *line
	spec  contract.Subscription
	err   error // why it does not run
	prior *worker
	left  bool // it delivers what a channel left here when it moved to another bus

	sub        *bus.Subscription
	filter     *filter.Filter
	transform  *filter.Transform
	subscriber *sink // nil: none
	reply      *sink
	deadLetter *sink
	extensions []string // sorted names of spec.Extensions

	count   *workerCount
	failing atomic.Pointer[string] // what last went wrong; nil after a success
	halted  atomic.Pointer[string] // why it stopped by itself
	stale   atomic.Bool            // to be made anew
	cancel  context.CancelFunc
	done    chan struct{}
}

// workerCount is what a subscription did since the process began.
type workerCount struct {
	delivered, filtered, unfit, replies, dropped, dead atomic.Int64
}

// newWorker compiles a spec; old, if any, is what it follows.
func newWorker(l *line, spec contract.Subscription, old *worker) *worker {
	w := &worker{line: l, spec: spec, prior: old, done: make(chan struct{}), count: &workerCount{}}
	if old != nil {
		w.count = old.count
	}
	w.extensions = slices.Sorted(maps.Keys(spec.Extensions))
	w.err = w.compile()
	w.sub = bus.NewSubscription(bus.SubscriptionConfig{
		Driver: l.driver, Topic: topicName(spec.Channel), Name: subscriptionName(spec.Ref),
		Policy: w.policy(), Log: l.log,
	})
	return w
}

func (w *worker) compile() (err error) {
	if w.filter, err = filter.Compile(w.spec.Filter); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if w.transform, err = filter.CompileTransform(w.spec.Transform); err != nil {
		return fmt.Errorf("transform: %w", err)
	}
	for _, s := range []struct {
		name string
		to   *contract.Destination
		sink **sink
	}{{"subscriber", w.spec.Subscriber, &w.subscriber}, {"reply", w.spec.Reply, &w.reply}, {"deadLetter", w.spec.DeadLetter, &w.deadLetter}} {
		if *s.sink, err = w.line.d.sink(s.to); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if w.subscriber == nil && w.reply == nil {
		return fmt.Errorf("there is neither a subscriber nor a reply")
	}
	return nil
}

// policy is the spec as the bus wants it.
func (w *worker) policy() bus.Policy {
	s := w.spec
	p := bus.Policy{
		Ordered: s.Order != "", Concurrency: s.Concurrency, Rate: s.Rate, Dedupe: time.Duration(s.Dedupe),
		Drain: w.line.d.cfg.Drain, OnDead: w.bury,
		Retry: attempt.Policy(s.Delivery),
	}
	if s.Order != "" {
		header := "ce-" + s.Order
		p.OrderBy = func(m *bus.Message) string { return cmp.Or(m.Header(header), m.Key) }
	}
	return p
}

// start begins to deliver, when the one before has ended.
func (w *worker) start(life context.Context) {
	ctx, cancel := context.WithCancel(life)
	w.cancel = cancel
	go func() {
		defer close(w.done)
		defer cancel()
		if w.prior != nil {
			<-w.prior.done
			w.prior = nil
		}
		if w.err == nil && w.replayed(ctx) {
			_ = w.sub.Run(ctx, w.handle) // ends with ctx alone, and then with nil
		}
	}()
}

// stop ends the deliveries; done tells when they have.
func (w *worker) stop() { w.cancel() }

// halt stops the worker for a reason; its events stay where they are.
func (w *worker) halt(why string) {
	if w.halted.CompareAndSwap(nil, &why) {
		w.line.log.Warn("subscription stopped", "subscription", w.spec.Ref, "reason", why)
		w.cancel()
	}
}

// replayed moves the place where the spec asks for it; false is the end.
func (w *worker) replayed(ctx context.Context) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		err := w.line.obey(ctx, w.spec)
		if err == nil {
			w.failing.Store(nil)
			return ctx.Err() == nil
		}
		text := "replay: " + err.Error()
		w.failing.Store(&text)
		w.line.log.Warn("replay failed, is tried again", "subscription", w.spec.Ref, "error", err, "in", wait)
		if !pause(ctx, wait) {
			return false
		}
	}
}

// state is how inspect shows the worker.
func (w *worker) state() (state, text string) {
	if w.err != nil {
		return contract.StateFailing, w.err.Error()
	}
	if why := w.halted.Load(); why != nil {
		return contract.StateStopped, *why
	}
	return contract.StateRunning, ""
}
