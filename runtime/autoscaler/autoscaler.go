package autoscaler

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
	"github.com/sluice-dev/sluice/runtime/stat"
)

// Key names a revision.
type Key struct {
	// Namespace and Revision are the revision's.
	Namespace, Revision string
}

// String is namespace/revision.
func (k Key) String() string { return k.Namespace + "/" + k.Revision }

// Order is what a revision's Deployment is to be.
type Order struct {
	Key
	// UID is the Deployment's; with Annotate, another of the same name is left alone.
	UID string
	// Replicas is how many pods it is to have.
	Replicas int32
	// Annotate is whether Failed or Activation is other than what the Deployment
	// says.
	Annotate bool
	// Failed is why the revision was given up, for contract.AnnotationFailed.
	// Empty: it was not, and the annotation goes.
	Failed string
	// Activation is for contract.AnnotationActivation; empty: it goes.
	Activation string
}

// Scaler writes orders to the cluster.
type Scaler interface {
	// Scale makes a Deployment what o says, both in one write. After an error it
	// is called again, with back-off, while the order stands.
	Scale(ctx context.Context, o Order) error
}

// ScalerFunc is a Scaler from a function.
type ScalerFunc func(ctx context.Context, o Order) error

// Scale calls f.
func (f ScalerFunc) Scale(ctx context.Context, o Order) error { return f(ctx, o) }

// PodCosts says which pods are to go first.
type PodCosts interface {
	// Mark writes what pods of a namespace cost to lose: one of less than zero
	// gets no request that another can take, and goes before all that cost more;
	// zero takes that back. A pod that is gone is no error. An error does not
	// stop a revision from going down.
	Mark(ctx context.Context, namespace string, costs map[string]int32) error
}

// Trouble says why the pods of a revision are not ready; empty: nobody knows.
// wrong is false while nothing has gone wrong yet: it may only take its time.
type Trouble func(ctx context.Context, revision Key) (why string, wrong bool, err error)

// Config of an Autoscaler. Only Scaler is required.
type Config struct {
	// Scaler writes what was decided.
	Scaler Scaler
	// Costs is told before a revision goes down. Default nil: Kubernetes chooses.
	Costs PodCosts
	// Trouble is asked while the pods of a revision do not become ready. Default
	// nil: only the Deployment says what is wrong.
	Trouble Trouble
	// Listen is where activators stream to and decisions are asked for:
	// host:port. Default "": nowhere; Handler may be served elsewhere.
	Listen string
	// Protect lets only accounts of the platform in, as guard.Guard does. Default
	// nil: whoever reaches Listen is in.
	Protect func(next http.Handler, accounts ...string) http.Handler
	// Defaults is how a revision without annotations is scaled. Default
	// decide.Defaults().
	Defaults decide.Config
	// StreamGrace is how long what an activator said counts after its stream
	// ended: it may be back. Default 2 s.
	StreamGrace time.Duration
	// Silence is how long a stream may leave a ping of HTTP/2 unanswered, or be
	// silent after it has sent a heartbeat. Default 5 s.
	Silence time.Duration
	// RouteGrace is how long a revision that has become ready may wait for its
	// first route before it counts as one that no route leads to. Default 60 s.
	RouteGrace time.Duration
	// RevertGrace is how long a revision that the last route has left keeps its
	// pods, so that a revert finds it awake. Default 60 s.
	RevertGrace time.Duration
	// Log gets what an operator acts on; every decision that changes something
	// at Debug. Default: nothing is logged.
	Log *slog.Logger
}

// Autoscaler decides for all revisions. It is safe for concurrent use.
type Autoscaler struct {
	cfg    Config
	agenda agenda
	waking stat.Histogram // from the frame that asks for a pod to the write
	writes outcomes

	decisions atomic.Uint64 // on all revisions together

	base   context.Context // ends the actors
	end    context.CancelFunc
	actors sync.WaitGroup
	bound  chan struct{} // closed when addr is set
	addr   net.Addr

	mu        sync.RWMutex // guards what follows; no I/O under it
	revisions map[Key]*revision
	routes    map[string][]Key // by the route's name
	routed    map[Key]int      // how many routes lead to a revision
	synced    bool             // everything that was there has been told
	streams   int              // how many are open
	lastEnd   time.Time        // when the last one ended
}

// New builds an Autoscaler. It starts nothing.
func New(cfg Config) (*Autoscaler, error) {
	if cfg.Scaler == nil {
		return nil, errors.New("autoscaler: Scaler is required")
	}
	if cfg.Protect == nil {
		cfg.Protect = func(next http.Handler, _ ...string) http.Handler { return next }
	}
	cfg.Defaults = cmp.Or(cfg.Defaults, decide.Defaults())
	cfg.StreamGrace = cmp.Or(cfg.StreamGrace, 2*time.Second)
	cfg.Silence = cmp.Or(cfg.Silence, 5*time.Second)
	cfg.RouteGrace = cmp.Or(cfg.RouteGrace, 60*time.Second)
	cfg.RevertGrace = cmp.Or(cfg.RevertGrace, 60*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	a := &Autoscaler{
		cfg: cfg, bound: make(chan struct{}),
		revisions: map[Key]*revision{}, routes: map[string][]Key{}, routed: map[Key]int{},
	}
	a.agenda.init()
	a.base, a.end = context.WithCancel(context.Background())
	return a, nil
}

// Run decides until ctx is done: it serves streams on Listen, if that is set,
// and returns when every actor is home. It is called once; what is told before
// is decided on at once.
func (a *Autoscaler) Run(ctx context.Context) error {
	defer a.actors.Wait()
	defer a.end()
	stop := context.AfterFunc(ctx, a.end)
	defer stop()
	if a.cfg.Listen == "" {
		a.agenda.run(ctx)
		return nil
	}
	return a.serve(ctx)
}

// revision is the entry of a revision, made if there is none.
func (a *Autoscaler) revision(k Key) *revision {
	if v := a.find(k); v != nil {
		return v
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.revisions[k]
	if v == nil {
		v = &revision{key: k, owner: a, place: nowhere}
		a.revisions[k] = v
	}
	return v
}

// find is the entry of a revision, or nil.
func (a *Autoscaler) find(k Key) *revision {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.revisions[k]
}

// all are the entries there are.
func (a *Autoscaler) all() []*revision {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*revision, 0, len(a.revisions))
	for _, v := range a.revisions {
		list = append(list, v)
	}
	return list
}

// view is what an actor must know of the whole.
func (a *Autoscaler) view(k Key, now time.Time) (known, routed, synced bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	known = a.streams > 0 || !a.lastEnd.IsZero() && now.Sub(a.lastEnd) < a.cfg.StreamGrace
	return known, a.routed[k] > 0, a.synced
}
