package channel

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// gaugeTimeout bounds what a bus is asked for counts, gaugesAtOnce how many
	// subscriptions it is asked for at the same time.
	gaugeTimeout = 2 * time.Second
	gaugesAtOnce = 16
)

// Lags tells how far every subscription is behind; namespace "" is all.
func (d *Dispatcher) Lags(ctx context.Context, namespace string) []contract.Lag {
	workers := append(d.allWorkers(namespace), d.leftWorkers(namespace)...)
	out := make([]contract.Lag, len(workers))
	ctx, cancel := context.WithTimeout(ctx, gaugeTimeout)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(gaugesAtOnce)
	for i, w := range workers {
		g.Go(func() error {
			out[i] = w.lag(ctx, time.Now())
			return nil
		})
	}
	_ = g.Wait()
	for _, s := range d.specs.orphans() {
		if namespace == "" || s.Namespace == namespace {
			out = append(out, contract.Lag{
				Subscription: s.Ref.String(), Channel: s.Channel.String(), State: contract.StateFailing, Pending: -1,
				Text: "channel " + s.Channel.String() + " is not there",
			})
		}
	}
	return out
}

func (d *Dispatcher) allLines() []*line {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]*line, 0, len(d.lines))
	for _, l := range d.lines {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *line) int { return compareRefs(a.ref, b.ref) })
	return out
}

// allWorkers deliver what channels take.
func (d *Dispatcher) allWorkers(namespace string) []*worker {
	return d.workersThat(func(w *worker) bool { return !w.left && (namespace == "" || w.spec.Namespace == namespace) })
}

func (d *Dispatcher) workersThat(are func(*worker) bool) []*worker {
	var out []*worker
	for _, l := range d.allLines() {
		l.mu.Lock()
		for _, w := range l.workers {
			if are(w) {
				out = append(out, w)
			}
		}
		l.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b *worker) int { return compareRefs(a.spec.Ref, b.spec.Ref) })
	return out
}

// lag asks the bus and adds what this process counted.
func (w *worker) lag(ctx context.Context, now time.Time) contract.Lag {
	stats := w.sub.Stats()
	l := contract.Lag{
		Subscription: w.spec.Ref.String(), Channel: w.spec.Channel.String(), Pending: -1,
		InFlight: stats.Running, Delivered: w.count.delivered.Load(), Retries: stats.Retries,
	}
	l.State, l.Text = w.state()
	if text := w.failing.Load(); text != nil {
		l.LastError = *text
	}
	if w.left && l.Text == "" {
		l.Text = strings.TrimSuffix("what its channel left on the bus "+w.line.ref.String()+": "+l.LastError, ": ")
	}
	driver, _, err := w.line.opened()
	gauge, ok := driver.(bus.Gauge)
	if err != nil || !ok {
		return l
	}
	if behind, err := gauge.Lag(ctx, topicName(w.spec.Channel), subscriptionName(w.spec.Ref)); err == nil {
		l.Pending = behind.Messages
		if !behind.Oldest.IsZero() && behind.Messages > 0 {
			l.Oldest = contract.Duration(max(0, now.Sub(behind.Oldest).Round(time.Millisecond)))
		}
	}
	if !w.left {
		l.Dead = w.line.d.kept(ctx, w.spec.Ref)
	}
	return l
}

// kept counts the dead events of a subscription; -1 where a bus cannot tell.
func (d *Dispatcher) kept(ctx context.Context, sub contract.Ref) (n int64) {
	for _, l := range d.linesWithDead(sub) {
		driver, _, err := l.opened()
		gauge, ok := driver.(bus.Gauge)
		if err != nil || !ok {
			continue
		}
		kept, err := gauge.Lag(ctx, deadTopicName(sub), redriver)
		switch {
		case err != nil:
		case kept.Messages < 0:
			return -1
		default:
			n += kept.Messages
		}
	}
	return n
}

// WriteMetrics prints everything in Prometheus' text form.
func (d *Dispatcher) WriteMetrics(w io.Writer) error {
	p := &page{w: w}
	p.head("sluice_channel_events_total", "counter", "Events stored.")
	channels := d.specs.allChannels()
	table := d.table.Load()
	for _, c := range channels {
		if live := table.refs[c.Ref]; live != nil && live.count != nil {
			p.line("sluice_channel_events_total", "channel", c.Ref, live.count.in.Load())
		}
	}
	p.head("sluice_channel_refused_total", "counter", "Requests that were not taken.")
	for _, c := range channels {
		if live := table.refs[c.Ref]; live != nil && live.count != nil {
			p.line("sluice_channel_refused_total", "channel", c.Ref, live.count.refused.Load())
		}
	}
	p.head("sluice_channel_unknown_total", "counter", "Requests for no known channel.")
	p.printf("sluice_channel_unknown_total %d\n", d.count.lost.Load())
	d.writeSubscriptions(p)
	return p.err
}

func (d *Dispatcher) writeSubscriptions(p *page) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTimeout)
	defer cancel()
	workers := d.allWorkers("")
	var mu sync.Mutex
	lags := map[*worker]contract.Lag{}
	var g errgroup.Group
	g.SetLimit(gaugesAtOnce)
	for _, w := range workers {
		g.Go(func() error {
			l := w.lag(ctx, time.Now())
			mu.Lock()
			defer mu.Unlock()
			lags[w] = l
			return nil
		})
	}
	_ = g.Wait()
	for _, m := range subscriptionMetrics {
		p.head(m.name, m.kind, m.help)
		for _, w := range workers {
			p.line(m.name, "subscription", w.spec.Ref, m.value(w, lags[w]))
		}
	}
}

// subscriptionMetrics are what is told of each subscription.
var subscriptionMetrics = []struct {
	name, kind, help string
	value            func(w *worker, l contract.Lag) any
}{
	{"sluice_subscription_delivered_total", "counter", "Events that the subscriber took.", func(w *worker, _ contract.Lag) any { return w.count.delivered.Load() }},
	{"sluice_subscription_filtered_total", "counter", "Events that the filter left out.", func(w *worker, _ contract.Lag) any { return w.count.filtered.Load() }},
	{"sluice_subscription_filter_errors_total", "counter", "Events that the filter could not be evaluated on.", func(w *worker, _ contract.Lag) any { return w.count.unfit.Load() }},
	{"sluice_subscription_duplicates_total", "counter", "Events that were left out as duplicates.", func(w *worker, _ contract.Lag) any { return w.sub.Stats().Duplicates }},
	{"sluice_subscription_attempts_total", "counter", "Attempts to deliver.", func(w *worker, _ contract.Lag) any { return w.sub.Stats().Attempts }},
	{"sluice_subscription_retries_total", "counter", "Attempts that are made again.", func(_ *worker, l contract.Lag) any { return l.Retries }},
	{"sluice_subscription_replies_total", "counter", "Replies that were sent on.", func(w *worker, _ contract.Lag) any { return w.count.replies.Load() }},
	{"sluice_subscription_dead_total", "counter", "Events that were given up.", func(w *worker, _ contract.Lag) any { return w.count.dead.Load() }},
	{"sluice_subscription_dead_kept", "gauge", "Dead events that are kept.", func(_ *worker, l contract.Lag) any { return l.Dead }},
	{"sluice_subscription_in_flight", "gauge", "Deliveries under way.", func(_ *worker, l contract.Lag) any { return l.InFlight }},
	{"sluice_subscription_lag", "gauge", "Events that wait; -1 where the bus cannot tell.", func(_ *worker, l contract.Lag) any { return l.Pending }},
	{"sluice_subscription_oldest_seconds", "gauge", "Age of the oldest event that waits.", func(_ *worker, l contract.Lag) any { return time.Duration(l.Oldest).Seconds() }},
	{"sluice_subscription_running", "gauge", "1 while events are delivered.", func(_ *worker, l contract.Lag) any {
		if l.State == contract.StateRunning {
			return 1
		}
		return 0
	}},
}

// page is a page of metrics; after an error it prints nothing more.
type page struct {
	w   io.Writer
	err error
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *page) head(name, kind, help string) {
	p.printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (p *page) line(name, of string, ref contract.Ref, value any) {
	p.printf("%s{namespace=%q,%s=%q} %v\n", name, ref.Namespace, of, ref.Name, value)
}
