package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Events is told what the engine rendered of buses, channels and subscriptions.
type Events interface {
	// Set tells what an object carries. An error is the object's fault; what it
	// carried before stays.
	Set(object, kind string, data []byte) error
	Delete(object string)
	// Synced says that everything that was there has been told.
	Synced()
}

// EventsConfig of an EventsWatcher. Kubernetes and Events are required.
type EventsConfig struct {
	Kubernetes kubernetes.Interface
	Events     Events
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// EventsWatcher watches the ConfigMaps that carry what events need.
type EventsWatcher struct {
	cfg      EventsConfig
	informer cache.SharedIndexInformer
	told     cache.InformerSynced
}

// NewEventsWatcher builds an EventsWatcher. It starts nothing and asks nothing.
func NewEventsWatcher(cfg EventsConfig) (*EventsWatcher, error) {
	if cfg.Kubernetes == nil || cfg.Events == nil {
		return nil, errors.New("kube: events: Kubernetes and Events are required")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	w := &EventsWatcher{cfg: cfg}
	w.informer = informers.NewSharedInformerFactoryWithOptions(cfg.Kubernetes, 0,
		informers.WithTransform(trimConfigMap),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = contract.LabelEvents }),
	).Core().V1().ConfigMaps().Informer()
	err := w.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		if ctx.Err() == nil {
			cfg.Log.Warn("watch interrupted", "resource", "configmaps", "error", err)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("kube: configmaps: %w", err)
	}
	reg, err := w.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.set,
		UpdateFunc: func(_, obj any) { w.set(obj) },
		DeleteFunc: w.delete,
	})
	if err != nil {
		return nil, fmt.Errorf("kube: configmaps: %w", err)
	}
	w.told = reg.HasSynced
	return w, nil
}

// trimConfigMap drops what nobody reads.
func trimConfigMap(obj any) (any, error) {
	if cm, ok := obj.(*corev1.ConfigMap); ok {
		cm.ManagedFields, cm.Annotations, cm.BinaryData = nil, nil, nil
	}
	return obj, nil
}

func (w *EventsWatcher) set(obj any) {
	cm, ok := obj.(*corev1.ConfigMap)
	if !ok {
		return
	}
	if err := w.cfg.Events.Set(cm.Namespace+"/"+cm.Name, cm.Labels[contract.LabelEvents], []byte(cm.Data[contract.KeyEvents])); err != nil {
		w.cfg.Log.Warn("object cannot be read; what it said before stays", "error", err)
	}
}

func (w *EventsWatcher) delete(obj any) {
	if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = last.Obj
	}
	if cm, ok := obj.(*corev1.ConfigMap); ok {
		w.cfg.Events.Delete(cm.Namespace + "/" + cm.Name)
	}
}

// Run watches until ctx is done. It is called once.
func (w *EventsWatcher) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.informer.RunWithContext(ctx)
	}()
	if cache.WaitForCacheSync(ctx.Done(), w.told) {
		w.cfg.Events.Synced()
	}
	<-done
	return nil
}
