package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	kube "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-dev/sluice/appliers"
	"github.com/sluice-dev/sluice/appliers/inventory"
	"github.com/sluice-dev/sluice/appliers/istio"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/appliers/report"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/plain"
)

const annotationCommit = contract.AnnotationCommit

// rendering and specs are what an installation has by default.
var (
	rendering = render.Config{Domain: "localhost", ApplySet: inventory.ID(contract.InventoryConfigMap, contract.Namespace)}
	specs     = schema.NewKinds(catalog.Kinds(plain.Policy{}))
)

// parts face the cluster, all on one connection whose requests are counted.
type parts struct {
	api       *kubernetes.API
	client    kube.Interface
	requests  *appliers.Requests
	wire      *wire
	observer  *kubernetes.Observer
	applier   appliers.ByKind
	inventory *inventory.Inventory
	pods      *kubernetes.Pods
	events    *kubernetes.Events
	reporter  *report.Reporter
	log       *slog.Logger
}

// open connects the parts.
func open(kubeconfig string) (parts, error) {
	p := parts{requests: &appliers.Requests{}, wire: &wire{}, log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	rc, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return p, err
	}
	wrap := func(next http.RoundTripper) http.RoundTripper { return p.requests.Wrap(p.wire.wrap(next)) }
	if p.api, err = kubernetes.NewAPI(kubernetes.APIConfig{REST: rc, Wrap: wrap}); err != nil {
		return p, err
	}
	var errs [7]error
	p.client, errs[0] = kube.NewForConfigAndClient(p.api.REST(), p.api.Client())
	p.observer, errs[1] = kubernetes.NewObserver(kubernetes.ObserverConfig{API: p.api, ApplySet: rendering.ApplySet, Log: p.log})
	p.inventory, errs[2] = inventory.New(inventory.Config{API: p.api})
	p.pods, errs[3] = kubernetes.NewPods(kubernetes.PodsConfig{API: p.api})
	p.events, errs[4] = kubernetes.NewEvents(kubernetes.EventsConfig{API: p.api, Log: p.log})
	p.applier, errs[5] = byKind(p.api)
	p.reporter, errs[6] = report.New(report.Config{Client: p.client, Recorder: recorder{p.events}, Log: p.log})
	return p, errors.Join(errs[:]...)
}

// byKind gives Istio's kinds their typed client.
func byKind(api *kubernetes.API) (appliers.ByKind, error) {
	generic, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: api, ApplySet: rendering.ApplySet})
	if err != nil {
		return appliers.ByKind{}, err
	}
	writer, err := istio.New(istio.Config{REST: api.REST(), Client: api.Client()})
	if err != nil {
		return appliers.ByKind{}, err
	}
	mesh, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: writer, ApplySet: rendering.ApplySet})
	b := appliers.ByKind{Default: generic, Kinds: map[manifest.Kind]appliers.Applier{}}
	for _, kind := range istio.Kinds() {
		b.Kinds[kind] = mesh
	}
	return b, err
}

// config is the engine's, with what an earlier run has reported.
func (p parts) config(ctx context.Context, repository *git.Repository) engine.Config {
	c := engine.Config{
		Name: repository.String(), Branch: "main", Observer: p.observer, Applier: p.applier,
		Inventory: p.inventory, Inspector: p.pods, Reporter: p.reporter, Kinds: specs, Render: rendering, Log: p.log,
	}
	if last, err := report.Read(ctx, p.client); err == nil && last.Repository == c.Name {
		c.Last = last
	}
	return c
}

// run does what reports in the background.
func (p parts) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.events.Run(ctx) })
	g.Go(func() error { return p.reporter.Run(ctx) })
	return g.Wait()
}

// recorder makes Kubernetes Events of the engine's.
type recorder struct{ events *kubernetes.Events }

// Record hands an event on.
func (r recorder) Record(e status.Event) {
	about := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: contract.Namespace, Name: contract.Engine}
	switch {
	case e.Object != "":
		about.Namespace, about.Name = e.Subject.Namespace, e.Object
	case e.Type == status.TrafficMoved:
		about = manifest.ID{APIVersion: istio.APIVersion, Kind: "VirtualService", Namespace: e.Subject.Namespace, Name: e.Subject.Name}
	}
	r.events.Record(kubernetes.Event{About: about, Warning: e.Type.Warning(), Reason: e.Type.Reason(), Message: e.Message})
}

// wire counts the bytes of bodies both ways.
type wire struct{ sent, received atomic.Int64 }

type counting struct {
	*wire
	next http.RoundTripper
}

func (w *wire) wrap(next http.RoundTripper) http.RoundTripper { return counting{w, next} }

// RoundTrip sends and counts.
func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.sent.Add(max(req.ContentLength, 0))
	resp, err := c.next.RoundTrip(req)
	if err == nil {
		resp.Body = body{resp.Body, c.wire}
	}
	return resp, err
}

// WrappedRoundTripper is the transport underneath, for those who look for it.
func (c counting) WrappedRoundTripper() http.RoundTripper { return c.next }

type body struct {
	io.ReadCloser
	*wire
}

// Read reads and counts.
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.received.Add(int64(n))
	return n, err
}

// profile writes a CPU profile until stop, and then the heap's.
func profile(prefix string) (stop func() error, err error) {
	if prefix == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(filepath.Dir(prefix), 0o755); err != nil {
		return nil, err
	}
	processor, err := os.Create(prefix + "-cpu.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(processor); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		heap, err := os.Create(prefix + "-heap.pprof")
		if err != nil {
			return err
		}
		runtime.GC()
		return errors.Join(processor.Close(), pprof.WriteHeapProfile(heap), heap.Close())
	}, nil
}
