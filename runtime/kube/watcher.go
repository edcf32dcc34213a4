package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	istio "istio.io/client-go/pkg/apis/networking/v1"
	istioclient "istio.io/client-go/pkg/clientset/versioned"
	istioinformers "istio.io/client-go/pkg/informers/externalversions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
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
	cfg    Config
	pods   cache.SharedIndexInformer
	routes cache.SharedIndexInformer
	all    []cache.SharedIndexInformer
	told   []cache.InformerSynced
	synced atomic.Bool
}

// New builds a Watcher. It starts nothing and asks nothing.
func New(cfg Config) (*Watcher, error) {
	if cfg.Kubernetes == nil || cfg.Istio == nil || cfg.Pods == nil || cfg.Routes == nil {
		return nil, errors.New("kube: Kubernetes, Istio, Pods and Routes are required")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	w := &Watcher{cfg: cfg}
	w.pods = informers.NewSharedInformerFactoryWithOptions(cfg.Kubernetes, 0,
		informers.WithNamespace(cfg.Namespace),
		informers.WithTransform(trim),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = contract.LabelRevision }),
	).Core().V1().Pods().Informer()
	w.routes = istioinformers.NewSharedInformerFactoryWithOptions(cfg.Istio, 0,
		istioinformers.WithNamespace(cfg.Namespace),
		istioinformers.WithTransform(trim),
	).Networking().V1().VirtualServices().Informer()
	return w, errors.Join(
		w.watch("pods", w.pods, tellPod(cfg.Pods.SetPod), tellPod(cfg.Pods.DeletePod)),
		w.watch("virtualservices", w.routes, w.setRoute, w.deleteRoute),
		w.watchActivators(),
	)
}

// watchActivators watches the platform's own pods that serve requests.
func (w *Watcher) watchActivators() error {
	if w.cfg.Activators == nil {
		return nil
	}
	informer := informers.NewSharedInformerFactoryWithOptions(w.cfg.Kubernetes, 0,
		informers.WithNamespace(contract.Namespace),
		informers.WithTransform(trim),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = contract.LabelComponent + "=" + contract.Activator }),
	).Core().V1().Pods().Informer()
	return w.watch("activators", informer, tellPod(w.cfg.Activators.SetPod), tellPod(w.cfg.Activators.DeletePod))
}

// watch says what to do with the objects of one informer.
func (w *Watcher) watch(what string, informer cache.SharedIndexInformer, set, del func(any)) error {
	err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		if ctx.Err() == nil {
			w.cfg.Log.Warn("watch interrupted", "resource", what, "error", err)
		}
	})
	if err != nil {
		return fmt.Errorf("kube: %s: %w", what, err)
	}
	reg, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    set,
		UpdateFunc: func(_, obj any) { set(obj) },
		DeleteFunc: func(obj any) {
			if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = last.Obj
			}
			del(obj)
		},
	})
	if err != nil {
		return fmt.Errorf("kube: %s: %w", what, err)
	}
	w.told, w.all = append(w.told, reg.HasSynced), append(w.all, informer)
	return nil
}

func tellPod(tell func(*corev1.Pod)) func(any) {
	return func(obj any) {
		if pod, ok := obj.(*corev1.Pod); ok {
			tell(pod)
		}
	}
}

func (w *Watcher) setRoute(obj any) {
	if vs, ok := obj.(*istio.VirtualService); ok {
		w.cfg.Routes.SetRoute(vs)
	}
}

func (w *Watcher) deleteRoute(obj any) {
	if vs, ok := obj.(*istio.VirtualService); ok {
		w.cfg.Routes.DeleteRoute(vs.Namespace, vs.Name)
	}
}

// HasSynced tells whether Pods and Routes were told everything that was there
// when the watching began.
func (w *Watcher) HasSynced() bool { return w.synced.Load() }

// Run watches until ctx is done. It is called once.
func (w *Watcher) Run(ctx context.Context) error {
	var home sync.WaitGroup
	for _, informer := range w.all {
		home.Go(func() { informer.RunWithContext(ctx) })
	}
	if cache.WaitForCacheSync(ctx.Done(), w.told...) {
		w.synced.Store(true)
		w.cfg.Log.Info("cluster state read", "pods", len(w.pods.GetStore().ListKeys()), "routes", len(w.routes.GetStore().ListKeys()))
	}
	home.Wait()
	return nil
}
