package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// watch hands every pod of this node to its own goroutine, and wakes pods when
// a ConfigMap or Secret changes that they name.
func (n *Node) watch(ctx context.Context) error {
	mine := informers.NewSharedInformerFactoryWithOptions(n.cfg.Client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", n.cfg.Name).String()
	}))
	all := informers.NewSharedInformerFactoryWithOptions(n.cfg.Client, 0, informers.WithTransform(withoutData))
	pods := mine.Core().V1().Pods().Informer()
	_, err1 := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    n.seen,
		UpdateFunc: func(_, now any) { n.seen(now) },
		DeleteFunc: n.vanished,
	})
	_, err2 := all.Core().V1().ConfigMaps().Informer().AddEventHandler(n.wakes("configmap"))
	_, err3 := all.Core().V1().Secrets().Informer().AddEventHandler(n.wakes("secret"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	mine.Start(ctx.Done())
	all.Start(ctx.Done())
	if cache.WaitForCacheSync(ctx.Done(), pods.HasSynced) {
		n.forgetLogs(pods.GetStore().ListKeys(), pods.GetStore())
	}
	<-ctx.Done()
	mine.Shutdown()
	all.Shutdown()
	return nil
}

// withoutData keeps of a ConfigMap or Secret only its name: changes matter here,
// content is read when it is needed.
func withoutData(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.ConfigMap:
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, ResourceVersion: o.ResourceVersion}}, nil
	case *corev1.Secret:
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, ResourceVersion: o.ResourceVersion}}, nil
	}
	return obj, nil
}

func (n *Node) wakes(kind string) cache.ResourceEventHandler {
	wake := func(obj any) {
		if o, ok := obj.(metav1.Object); ok {
			n.wake(kind + "/" + o.GetNamespace() + "/" + o.GetName())
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    wake,
		UpdateFunc: func(_, now any) { wake(now) },
		DeleteFunc: wake,
	}
}

func (n *Node) wake(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pods {
		if p.names[key] {
			p.related.wake()
		}
	}
}

// seen starts a pod that is new, or tells a known one what has changed.
func (n *Node) seen(obj any) {
	o, ok := obj.(*corev1.Pod)
	if !ok || o.Spec.NodeName != n.cfg.Name {
		return
	}
	p := n.pod(o.UID)
	if p != nil {
		p.update(o)
		return
	}
	p = newPod(n, o)
	n.mu.Lock()
	n.pods[o.UID] = p
	n.mu.Unlock()
	p.update(o)
	n.work.Go(p.run)
}

// vanished ends a pod that the API no longer has.
func (n *Node) vanished(obj any) {
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	if o, ok := obj.(*corev1.Pod); ok {
		if p := n.pod(o.UID); p != nil {
			p.vanish(o)
		}
	}
}

func (n *Node) pod(uid types.UID) *pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pods[uid]
}

func (n *Node) forget(p *pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pods, p.uid)
}

// list is every pod that the node knows.
func (n *Node) list() []*pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	pods := make([]*pod, 0, len(n.pods))
	for _, p := range n.pods {
		pods = append(pods, p)
	}
	return pods
}

// stopPods ends every pod's processes, and leaves the API as it is.
func (n *Node) stopPods() {
	for _, p := range n.list() {
		p.leave()
	}
	n.work.Wait()
}

// forgetLogs deletes the logs of pods that went while the node was down.
func (n *Node) forgetLogs(keys []string, store cache.Store) {
	alive := map[string]bool{}
	for _, key := range keys {
		if obj, ok, err := store.GetByKey(key); ok && err == nil {
			alive[logName(obj.(*corev1.Pod))] = true
		}
	}
	entries, err := os.ReadDir(n.logsDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		if !alive[e.Name()] {
			_ = os.RemoveAll(filepath.Join(n.logsDir(), e.Name()))
		}
	}
}

// logName is the directory of a pod's logs.
func logName(pod *corev1.Pod) string {
	return pod.Namespace + "_" + pod.Name + "_" + string(pod.UID)
}
