package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	retryFirst = time.Second // after a pass that failed; doubled each time
	retryLast  = 30 * time.Second
	// passTimeout bounds what a pass asks of a bus.
	passTimeout = time.Minute
)

// line is one bus and all that is on it. It works by itself, so that a bus that
// hangs holds up no other.
type line struct {
	d      *Dispatcher
	ref    contract.Ref
	log    *slog.Logger
	news   chan struct{} // capacity 1
	failed atomic.Bool   // a pass failed
	stale  atomic.Bool   // the driver is to be opened anew

	mu       sync.Mutex // guards the rest; written by the line's goroutine alone
	spec     contract.Bus
	driver   bus.Driver
	promises bus.Promises
	channels map[contract.Ref]*live
	counts   map[contract.Ref]*channelCount
	workers  map[contract.Ref]*worker
	sweeper  sweeper
	left     left
	replays  replays
	dead     deadTopics
}

func newLine(d *Dispatcher, ref contract.Ref) *line {
	return &line{
		d: d, ref: ref, log: d.cfg.Log.With("bus", ref), news: make(chan struct{}, 1),
		channels: map[contract.Ref]*live{}, counts: map[contract.Ref]*channelCount{}, workers: map[contract.Ref]*worker{},
		sweeper: newSweeper(), dead: deadTopics{known: map[string]bool{}},
	}
}

func (l *line) tell() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// live is a channel of this line; a nil line has none.
func (l *line) live(ref contract.Ref) *live {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.channels[ref]
}

// opened is the driver and its promises, for those beside the line's own
// goroutine.
func (l *line) opened() (bus.Driver, bus.Promises, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.driver == nil {
		return nil, bus.Promises{}, fmt.Errorf("bus %s: %w", l.ref, bus.ErrClosed)
	}
	return l.driver, l.promises, nil
}

// hasFailed tells whether waiting for the line is of no use.
func (l *line) hasFailed() bool { return l != nil && l.failed.Load() }

// run makes what is told so, until ctx ends.
func (l *line) run(ctx context.Context) {
	defer l.close()
	retry := retryFirst
	for {
		wait := time.Duration(-1)
		if err := l.pass(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("not all is as asked, is tried again", "error", err, "in", retry)
			l.failed.Store(true)
			wait, retry = retry, min(2*retry, retryLast)
		} else {
			wait, retry = sooner(l.sweeper.wait(time.Now(), l.d.cfg.Grace), l.left.wait()), retryFirst
		}
		l.d.publish()
		if !l.await(ctx, wait) {
			return
		}
	}
}

// await waits for news, or for a time if that is not negative.
func (l *line) await(ctx context.Context, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-l.news:
	case <-due:
	}
	return true
}

// pass goes once through everything on this bus. What fails does not hold up
// what does not.
func (l *line) pass(ctx context.Context) error {
	life := ctx
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	channels, subscriptions := l.d.specs.on(l.ref)
	if _, described := l.d.specs.bus(l.ref); !described && len(channels) == 0 {
		l.close() // nobody asks for it any more
		return nil
	}
	if err := l.open(ctx); err != nil {
		l.unavailable(channels, err)
		return err
	}
	l.notice(channels)
	errs := []error{l.findLeft(ctx)}
	orders := ordersOf(subscriptions)
	subscriptions = l.left.with(subscriptions)
	l.end(subscriptions)
	ready := map[contract.Ref]*live{}
	for _, ref := range slices.SortedFunc(maps.Keys(channels), compareRefs) {
		c, err := l.channel(ctx, channels[ref], orders[ref])
		ready[ref] = c
		errs = append(errs, err)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(subscriptions), compareRefs) {
		if c := ready[subscriptions[ref].Channel]; c == nil || c.topic != nil { // nil: what is left of it
			errs = append(errs, l.subscription(ctx, life, subscriptions[ref]))
		}
	}
	l.mu.Lock()
	l.channels = ready
	l.mu.Unlock()
	return errors.Join(append(errs, l.sweep(ctx, channels, subscriptions))...)
}

// open opens the driver, anew where the bus's spec changed, or what a Secret of it
// says.
func (l *line) open(ctx context.Context) error {
	spec, ok := l.d.specs.bus(l.ref)
	if !ok {
		return fmt.Errorf("bus %s is not there: a channel names it, but there is no Bus or ClusterBus of that name", l.ref)
	}
	if !l.stale.Swap(false) && l.driver != nil && reflect.DeepEqual(l.spec, spec) {
		return nil
	}
	l.close()
	driver, promises, err := l.d.cfg.Open(ctx, spec)
	if err != nil {
		return fmt.Errorf("bus %s: %w", l.ref, err)
	}
	l.mu.Lock()
	l.spec, l.driver, l.promises = spec, driver, promises
	l.mu.Unlock()
	l.replays = replays{}
	l.sweeper.due = true
	return l.recallDead(ctx)
}

// unavailable tells senders why their channels take nothing.
func (l *line) unavailable(channels map[contract.Ref]contract.Channel, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.driver != nil {
		return
	}
	for ref, spec := range channels {
		l.channels[ref] = &live{spec: spec, why: err.Error()}
	}
}

// notice sees that a channel is no longer asked for.
func (l *line) notice(channels map[contract.Ref]contract.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref := range l.channels {
		if _, wanted := channels[ref]; !wanted {
			l.sweeper.due = true
		}
	}
}

// end stops what is no longer asked for, or is asked for otherwise.
func (l *line) end(subscriptions map[contract.Ref]contract.Subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, w := range l.workers {
		if _, wanted := subscriptions[ref]; !wanted {
			w.stop()
			delete(l.workers, ref)
			l.sweeper.due = true
		}
	}
}

// ordersOf is the attribute by which a channel's subscriptions want order, where
// they agree.
func ordersOf(subscriptions map[contract.Ref]contract.Subscription) map[contract.Ref]string {
	orders := map[contract.Ref]string{}
	for _, s := range subscriptions {
		switch before, ok := orders[s.Channel]; {
		case s.Order == "":
		case !ok:
			orders[s.Channel] = s.Order
		case before != s.Order:
			orders[s.Channel] = partitionKey
		}
	}
	return orders
}

// channel makes a channel's topic. A channel that fails is returned too, with
// the reason.
func (l *line) channel(ctx context.Context, spec contract.Channel, order string) (*live, error) {
	old := l.live(spec.Ref)
	if old != nil && old.topic != nil && old.order == order && reflect.DeepEqual(old.spec, spec) {
		return old, nil
	}
	name := topicName(spec.Ref)
	err := l.driver.EnsureTopic(ctx, bus.TopicSpec{Name: name, Retention: time.Duration(spec.Retention), Args: spec.Arguments})
	c := &live{spec: spec, order: order, count: l.count(spec.Ref)}
	switch {
	case err == nil && old != nil && old.topic != nil:
		c.topic = old.topic
	case err == nil:
		c.topic = bus.NewTopic(l.driver, l.promises, name)
	default:
		err = fmt.Errorf("channel %s: %w", spec.Ref, err)
		c.why = err.Error()
		if old != nil {
			c.topic = old.topic // as it was, it still takes events
		}
	}
	return c, err
}

// count outlives the channel's changes.
func (l *line) count(ref contract.Ref) *channelCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[ref] == nil {
		l.counts[ref] = &channelCount{}
	}
	return l.counts[ref]
}

// close stops everything and lets go of the driver.
func (l *line) close() {
	l.mu.Lock()
	workers, channels, driver := l.workers, l.channels, l.driver
	l.workers, l.channels, l.driver = map[contract.Ref]*worker{}, map[contract.Ref]*live{}, nil
	l.mu.Unlock()
	for _, w := range workers {
		w.stop()
	}
	for _, w := range workers {
		<-w.done
	}
	for _, c := range channels {
		if c.topic != nil {
			c.topic.Close()
		}
	}
	if driver == nil {
		return
	}
	if err := driver.Close(); err != nil {
		l.log.Warn("bus not closed cleanly", "error", err)
	}
}
