package kube

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	istio "istio.io/client-go/pkg/apis/networking/v1"
	istioclient "istio.io/client-go/pkg/clientset/versioned"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Pods is who wants to know the pods of revisions.
type Pods interface {
	// SetPod tells that a pod is there, or has changed. The object must not be
	// changed; it has only the fields that trimPod keeps.
	SetPod(pod *corev1.Pod)
	// DeletePod tells that a pod is gone; the object is its last known state.
	DeletePod(pod *corev1.Pod)
}

// Routes is who wants to know the VirtualServices.
type Routes interface {
	// SetRoute tells that a VirtualService is there, or has changed. The object
	// must not be changed.
	SetRoute(vs *istio.VirtualService)
	// DeleteRoute tells that it is gone.
	DeleteRoute(namespace, name string)
}

// Config of a Watcher. Everything but Activators, Namespace and Log is required.
type Config struct {
	// Kubernetes reads pods.
	Kubernetes kubernetes.Interface
	// Istio reads VirtualServices.
	Istio istioclient.Interface
	// Pods and Routes are told.
	Pods   Pods
	Routes Routes
	// Activators is told the pods of the activators. Default nil: nobody is.
	Activators Pods
	// Namespace restricts what is watched. Default "": all namespaces.
	Namespace string
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Watcher watches the API server.
type Watcher struct {
	cfg        Config
	pods       *watched[*corev1.Pod]
	routes     *watched[*istio.VirtualService]
	activators *watched[*corev1.Pod] // nil: nobody is told of them
	synced     atomic.Bool
}

// New builds a Watcher. It starts nothing and asks nothing.
func New(cfg Config) (*Watcher, error) {
	if cfg.Kubernetes == nil || cfg.Istio == nil || cfg.Pods == nil || cfg.Routes == nil {
		return nil, errors.New("kube: Kubernetes, Istio, Pods and Routes are required")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	w := &Watcher{cfg: cfg, pods: podsOf(cfg.Kubernetes, cfg.Namespace, contract.LabelRevision, cfg.Pods)}
	w.routes = routesOf(cfg.Istio, cfg.Namespace, trim, cfg.Routes.SetRoute, cfg.Routes.DeleteRoute)
	if cfg.Activators != nil {
		w.activators = podsOf(cfg.Kubernetes, contract.Namespace, contract.LabelComponent+"="+contract.Activator, cfg.Activators)
		w.activators.resource = "activators"
	}
	return w, nil
}

// podsOf are the pods of a selector.
func podsOf(client kubernetes.Interface, namespace, selector string, to Pods) *watched[*corev1.Pod] {
	pods := client.CoreV1().Pods(namespace)
	return &watched[*corev1.Pod]{
		resource: "pods", kind: &corev1.Pod{}, source: listing(client, selector, pods.List, pods.Watch), trim: trim,
		set: to.SetPod, gone: func(_ cache.ObjectName, last *corev1.Pod) { to.DeletePod(last) }, whole: true,
		read: make(chan struct{}), known: map[cache.ObjectName]*corev1.Pod{},
	}
}

// routesOf are all VirtualServices, as trim leaves them.
func routesOf[T metav1.Object](client istioclient.Interface, namespace string, trim cache.TransformFunc, set func(T), gone func(namespace, name string)) *watched[T] {
	routes := client.NetworkingV1().VirtualServices(namespace)
	return &watched[T]{
		resource: "virtualservices", kind: &istio.VirtualService{}, source: listing(client, "", routes.List, routes.Watch), trim: trim,
		set: set, gone: func(n cache.ObjectName, _ T) { gone(n.Namespace, n.Name) },
		read: make(chan struct{}), known: map[cache.ObjectName]T{},
	}
}

// HasSynced tells whether Pods and Routes were told everything that was there
// when the watching began.
func (w *Watcher) HasSynced() bool { return w.synced.Load() }

// Run watches until ctx is done. It is called once.
func (w *Watcher) Run(ctx context.Context) error {
	var home sync.WaitGroup
	home.Go(func() { w.pods.run(ctx, w.cfg.Log) })
	home.Go(func() { w.routes.run(ctx, w.cfg.Log) })
	all := []<-chan struct{}{w.pods.read, w.routes.read}
	if w.activators != nil {
		home.Go(func() { w.activators.run(ctx, w.cfg.Log) })
		all = append(all, w.activators.read)
	}
	if awaitAll(ctx, all...) {
		w.synced.Store(true)
		w.cfg.Log.Info("cluster state read", "pods", w.pods.were, "routes", w.routes.were)
	}
	home.Wait()
	return nil
}

// awaitAll waits until all channels are closed. It is false if ctx ends before.
func awaitAll(ctx context.Context, all ...<-chan struct{}) bool {
	for _, c := range all {
		select {
		case <-c:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
