package channel

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Opener opens the driver of a bus. Its errors are shown to users.
type Opener func(ctx context.Context, b contract.Bus) (bus.Driver, bus.Promises, error)

// Config of a Dispatcher.
type Config struct {
	// Open is required.
	Open Opener
	// Name is the dispatcher's: only channels that name it are its own. Default
	// contract.Channels.
	Name string
	// Dial connects to other dispatchers. Default: net.Dialer with 5 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Client sends events. Default: a client that dials as usual.
	Client *post.Client
	// Grace is how long the place of a Subscription that is gone, and the events
	// of a Channel that is gone, are kept. Default 1 h.
	Grace time.Duration
	// Settle is how long to wait for more news before acting on some, so that a
	// Channel and its Subscriptions that are told together begin together.
	// Default 50 ms.
	Settle time.Duration
	// Drain is how long running deliveries have to end when a Subscription
	// stops. Default 10 s.
	Drain time.Duration
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Dispatcher is the data plane of events.
type Dispatcher struct {
	cfg    Config
	specs  specs
	table  atomic.Pointer[table]
	trails *trails
	others *httputil.ReverseProxy // passes on what other dispatchers have
	count  ingressCount
	synced atomic.Bool
	news   chan struct{} // capacity 1

	mu    sync.Mutex // guards lines
	lines map[contract.Ref]*line
}

// New builds a Dispatcher. It starts nothing.
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Open == nil {
		return nil, errors.New("channel: Open is required")
	}
	if cfg.Client == nil {
		cfg.Client = post.New(post.Config{})
	}
	cfg.Name = cmp.Or(cfg.Name, contract.Channels)
	if cfg.Dial == nil {
		cfg.Dial = post.Via("")
	}
	cfg.Grace = cmp.Or(cfg.Grace, time.Hour)
	cfg.Settle = cmp.Or(cfg.Settle, 50*time.Millisecond)
	cfg.Drain = cmp.Or(cfg.Drain, 10*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	d := &Dispatcher{cfg: cfg, trails: newTrails(maxTrails), news: make(chan struct{}, 1), lines: map[contract.Ref]*line{}}
	d.specs.dispatcher = cfg.Name
	d.others = newForwarder(cfg)
	d.table.Store(&table{})
	return d, nil
}

// Synced says that everything that was there has been told: from now on what was
// not told is gone. Until then nothing is removed.
func (d *Dispatcher) Synced() {
	d.synced.Store(true)
	d.tell()
}

// Reopen has a bus opened anew: what its spec only refers to has changed.
// Requests are answered with 503 meanwhile, and places are kept.
func (d *Dispatcher) Reopen(bus contract.Ref) {
	d.mu.Lock()
	l := d.lines[bus]
	d.mu.Unlock()
	if l != nil {
		l.stale.Store(true)
		l.tell()
	}
}

// Ready tells whether the state was read and acted on once.
func (d *Dispatcher) Ready() bool { return d.synced.Load() && d.table.Load().made }

// tell says that there is news.
func (d *Dispatcher) tell() {
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// Run makes what was told so, until ctx ends and all deliveries have.
func (d *Dispatcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer d.cfg.Client.Close()
	defer d.others.Transport.(*http.Transport).CloseIdleConnections() // newForwarder made it
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.news:
		}
		if !pause(ctx, d.cfg.Settle) {
			return nil
		}
		for _, l := range d.wanted() {
			wg.Go(func() { l.run(ctx) })
		}
		d.publish()
	}
}

// wanted tells every line that there is news, and returns those that are new.
func (d *Dispatcher) wanted() []*line {
	var fresh []*line
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ref := range d.specs.busRefs() {
		if d.lines[ref] == nil {
			d.lines[ref] = newLine(d, ref)
			fresh = append(fresh, d.lines[ref])
		}
	}
	for _, l := range d.lines {
		l.tell()
	}
	return fresh
}

// publish makes the table that the ingress reads.
func (d *Dispatcher) publish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &table{hosts: map[string]*live{}, paths: map[string]*live{}, refs: map[contract.Ref]*live{}, away: map[contract.Ref]*sink{}, made: d.synced.Load()}
	for _, spec := range d.specs.allChannels() {
		c := d.lines[busOf(spec)].live(spec.Ref)
		if c == nil {
			c = &live{spec: spec, why: "the bus " + busOf(spec).String() + " is being opened"}
			t.made = t.made && d.lines[busOf(spec)].hasFailed()
		}
		t.add(c, d.cfg.Log)
	}
	for _, spec := range d.specs.elsewhere() {
		d.addElsewhere(t, spec)
	}
	d.table.Store(t)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Ingress takes events, however they are posted.
func (d *Dispatcher) Ingress() http.Handler { return http.HandlerFunc(d.serve) }
