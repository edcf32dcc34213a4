package dns

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// bySvc indexes slices by the Service that they belong to.
const bySvc = "service"

// Watch is a Source that follows a cluster.
type Watch struct {
	factory  informers.SharedInformerFactory
	services cache.SharedIndexInformer
	slices   cache.SharedIndexInformer
}

// NewWatch builds a Watch; it starts nothing.
func NewWatch(client kubernetes.Interface) (*Watch, error) {
	f := informers.NewSharedInformerFactory(client, 0)
	w := &Watch{factory: f, services: f.Core().V1().Services().Informer(), slices: f.Discovery().V1().EndpointSlices().Informer()}
	err := w.slices.AddIndexers(cache.Indexers{bySvc: func(obj any) ([]string, error) {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok {
			return nil, fmt.Errorf("dns: %T is no EndpointSlice", obj)
		}
		return []string{slice.Namespace + "/" + slice.Labels[discoveryv1.LabelServiceName]}, nil
	}})
	return w, err
}

// Run follows the cluster until ctx is done.
func (w *Watch) Run(ctx context.Context) error {
	w.factory.Start(ctx.Done())
	<-ctx.Done()
	w.factory.Shutdown()
	return nil
}

// Synced returns when everything there is is known.
func (w *Watch) Synced(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), w.services.HasSynced, w.slices.HasSynced) {
		return errors.Join(errors.New("dns: Services are not known yet"), context.Cause(ctx))
	}
	return nil
}

// Service implements Source.
func (w *Watch) Service(namespace, name string) *corev1.Service {
	obj, _, err := w.services.GetStore().GetByKey(namespace + "/" + name)
	if svc, ok := obj.(*corev1.Service); ok && err == nil {
		return svc
	}
	return nil
}

// Endpoints implements Source.
func (w *Watch) Endpoints(namespace, name string) []*discoveryv1.EndpointSlice {
	objs, err := w.slices.GetIndexer().ByIndex(bySvc, namespace+"/"+name)
	if err != nil {
		return nil
	}
	var out []*discoveryv1.EndpointSlice
	for _, obj := range objs {
		if slice, ok := obj.(*discoveryv1.EndpointSlice); ok {
			out = append(out, slice)
		}
	}
	return out
}

// Namespace implements Source.
func (w *Watch) Namespace(name string) bool {
	objs, err := w.services.GetIndexer().ByIndex(cache.NamespaceIndex, name)
	return err == nil && len(objs) > 0
}
