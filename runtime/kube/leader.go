package kube

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Leader knows where the process that holds a Lease can be reached: its
// identity is `NAME@HOST:PORT`.
type Leader struct {
	informer cache.SharedIndexInformer
	address  atomic.Pointer[string]
	moved    chan struct{}
}

// Identity is what a process that wants to be found by its Lease calls itself.
func Identity(name, address string) string { return name + "@" + address }

// NewLeader watches the Lease of that name in the platform's namespace.
func NewLeader(client kubernetes.Interface, lease string) (*Leader, error) {
	if client == nil || lease == "" {
		return nil, errors.New("kube: a client and the name of a Lease are required")
	}
	l := &Leader{moved: make(chan struct{}, 1)}
	l.informer = informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(contract.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", lease).String()
		}),
	).Coordination().V1().Leases().Informer()
	_, err := l.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    l.set,
		UpdateFunc: func(_, object any) { l.set(object) },
		DeleteFunc: func(any) { l.move("") },
	})
	return l, err
}

// Run watches until ctx ends.
func (l *Leader) Run(ctx context.Context) error {
	l.informer.RunWithContext(ctx)
	return nil
}

// Address is host:port, empty while nobody holds the Lease.
func (l *Leader) Address() string {
	if a := l.address.Load(); a != nil {
		return *a
	}
	return ""
}

// Moved gets a value, at most one waiting, when Address changed.
func (l *Leader) Moved() <-chan struct{} { return l.moved }

func (l *Leader) set(object any) {
	lease, ok := object.(*coordinationv1.Lease)
	if !ok {
		return
	}
	holder := ""
	if lease.Spec.HolderIdentity != nil {
		_, holder, _ = strings.Cut(*lease.Spec.HolderIdentity, "@")
	}
	l.move(holder)
}

func (l *Leader) move(address string) {
	if l.Address() == address {
		return
	}
	l.address.Store(&address)
	select {
	case l.moved <- struct{}{}:
	default:
	}
}
