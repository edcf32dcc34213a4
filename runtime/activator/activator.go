package activator

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/proxy"
)

// Key names a revision.
type Key struct {
	// Namespace and Revision are the revision's.
	Namespace, Revision string
}

// String is namespace/revision.
func (k Key) String() string { return k.Namespace + "/" + k.Revision }

// Waker is asked for a pod of a revision that has none and is wanted.
type Waker interface {
	// Wake returns nil when a pod was asked for, or is on its way already. After
	// an error it is called again, with back-off, while somebody waits; its text
	// is told to those for whom nothing comes.
	Wake(ctx context.Context, revision Key) error
}

// WakerFunc is a Waker from a function.
type WakerFunc func(ctx context.Context, revision Key) error

// Wake calls f.
func (f WakerFunc) Wake(ctx context.Context, revision Key) error { return f(ctx, revision) }

// Config of an Activator. Only Proxy is required.
type Config struct {
	// Proxy sends the requests.
	Proxy *proxy.Proxy
	// Waker is told of a request for a revision with no pod. Default nil: nobody
	// is told, the request waits for a pod all the same.
	Waker Waker
	// Owners says who gives the places of a revision: nil where this process
	// does. It must not block. Default nil: this process gives all.
	Owners func(Key) Lender
	// QueueLength is how many requests may wait per revision. Default 10,000.
	QueueLength int
	// QueueBytes is how much memory the waiting requests of a revision may hold,
	// as estimated from their headers and connections. Default 256 MiB.
	QueueBytes int64
	// QueueTimeout is how long a request may wait; it is apart from the run
	// timeout, which begins when a pod was found. Default 300 s.
	QueueTimeout time.Duration
	// RetryAfter is what a refused client is told. Default 1 s.
	RetryAfter time.Duration
	// ProbeInterval is the pause between two readiness probes of a pod that is
	// not usable yet; it grows with a pod that stays so. Default 5 ms.
	ProbeInterval time.Duration
	// ProbeCeiling is the longest that pause becomes. Default 500 ms.
	ProbeCeiling time.Duration
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Activator is the handler between the gateway and the pods. It is safe for
// concurrent use.
type Activator struct {
	cfg       Config
	revisions table
	active    activity
	colds     colds
	probers   sync.WaitGroup
	unsettled atomic.Bool     // revisions gained lately are held
	base      context.Context // ends the goroutines that Run waits for
	end       context.CancelFunc
}

// New builds an Activator. It starts nothing.
func New(cfg Config) *Activator {
	cfg.QueueLength = cmp.Or(cfg.QueueLength, 10_000)
	cfg.QueueBytes = cmp.Or(cfg.QueueBytes, 256<<20)
	cfg.QueueTimeout = cmp.Or(cfg.QueueTimeout, 300*time.Second)
	cfg.RetryAfter = cmp.Or(cfg.RetryAfter, time.Second)
	cfg.ProbeInterval = cmp.Or(cfg.ProbeInterval, 5*time.Millisecond)
	cfg.ProbeCeiling = cmp.Or(cfg.ProbeCeiling, 500*time.Millisecond)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	a := &Activator{cfg: cfg, active: activity{set: map[*revision]struct{}{}, hint: make(chan struct{}, 1)}}
	a.base, a.end = context.WithCancel(context.Background())
	a.revisions.init(a, limits{length: cfg.QueueLength, bytes: cfg.QueueBytes})
	return a
}

// reapInterval is how often idle connections are looked at.
const reapInterval = 30 * time.Second

// Run keeps house until ctx is done: it ends connections that have been idle
// for long, and at the end every prober and every idle connection. Requests are
// served before, during and after it.
func (a *Activator) Run(ctx context.Context) error {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			a.revisions.each(func(v *revision) { v.reap(now) })
		case <-ctx.Done():
			a.end()
			a.probers.Wait()
			a.revisions.each(func(v *revision) { v.closeIdle() })
			return nil
		}
	}
}

// spawn runs f in a goroutine that ends with ctx or the Activator, whichever is first.
func (a *Activator) spawn(f func(ctx context.Context)) (stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(a.base)
	if ctx.Err() != nil {
		return cancel
	}
	a.probers.Go(func() {
		defer cancel()
		f(ctx)
	})
	return cancel
}
