package kube

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	istioclient "istio.io/client-go/pkg/clientset/versioned"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Scaled is who wants to know the Deployments of revisions, and to which of
// them a route leads: the autoscaler.
type Scaled interface {
	// SetDeployment tells that a Deployment is there, or has changed. The object
	// must not be changed; it has only the fields that trimDeployment keeps.
	SetDeployment(d *appsv1.Deployment)
	// DeleteDeployment tells that it is gone.
	DeleteDeployment(namespace, name string)
	// SetRoute tells to which revisions a VirtualService leads.
	SetRoute(namespace, name string, revisions []autoscaler.Key)
	// DeleteRoute tells that it is gone.
	DeleteRoute(namespace, name string)
	// Synced tells that all that was there has been told.
	Synced()
}

var _ Scaled = (*autoscaler.Autoscaler)(nil)

// ScalingConfig of a ScalingWatcher. Kubernetes, Istio and Scaled are required.
type ScalingConfig struct {
	// Kubernetes reads Deployments.
	Kubernetes kubernetes.Interface
	// Istio reads VirtualServices.
	Istio istioclient.Interface
	// Scaled is told.
	Scaled Scaled
	// Namespace restricts what is watched. Default "": all namespaces.
	Namespace string
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// ScalingWatcher watches what the autoscaler has to know.
type ScalingWatcher struct {
	cfg         ScalingConfig
	deployments *watched[*appsv1.Deployment]
	routes      *watched[*route]
	synced      atomic.Bool
}

// NewScalingWatcher builds a ScalingWatcher. It starts nothing and asks nothing.
func NewScalingWatcher(cfg ScalingConfig) (*ScalingWatcher, error) {
	if cfg.Kubernetes == nil || cfg.Istio == nil || cfg.Scaled == nil {
		return nil, errors.New("kube: scaling: Kubernetes, Istio and Scaled are required")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	deployments := cfg.Kubernetes.AppsV1().Deployments(cfg.Namespace)
	return &ScalingWatcher{
		cfg: cfg,
		deployments: &watched[*appsv1.Deployment]{
			resource: "deployments", kind: &appsv1.Deployment{}, trim: trimScaled,
			source: listing(cfg.Kubernetes, contract.LabelRevision, deployments.List, deployments.Watch),
			set:    cfg.Scaled.SetDeployment,
			gone:   func(n cache.ObjectName, _ *appsv1.Deployment) { cfg.Scaled.DeleteDeployment(n.Namespace, n.Name) },
			read:   make(chan struct{}), known: map[cache.ObjectName]*appsv1.Deployment{},
		},
		routes: routesOf(cfg.Istio, cfg.Namespace, trimScaled,
			func(r *route) { cfg.Scaled.SetRoute(r.Namespace, r.Name, r.revisions) }, cfg.Scaled.DeleteRoute),
	}, nil
}

// HasSynced tells whether everything that was there has been told.
func (s *ScalingWatcher) HasSynced() bool { return s.synced.Load() }

// Run watches until ctx is done. It is called once.
func (s *ScalingWatcher) Run(ctx context.Context) error {
	var home sync.WaitGroup
	home.Go(func() { s.deployments.run(ctx, s.cfg.Log) })
	home.Go(func() { s.routes.run(ctx, s.cfg.Log) })
	if awaitAll(ctx, s.deployments.read, s.routes.read) {
		s.synced.Store(true)
		s.cfg.Scaled.Synced()
		s.cfg.Log.Info("cluster state read", "revisions", s.deployments.were, "routes", s.routes.were)
	}
	home.Wait()
	return nil
}

// route is what the autoscaler reads of a VirtualService: its name, and the
// revisions that it leads to.
type route struct {
	metav1.ObjectMeta
	revisions []autoscaler.Key
}

// trimScaled drops what the autoscaler does not read, before it is kept.
func trimScaled(obj any) (any, error) {
	switch o := obj.(type) {
	case *appsv1.Deployment:
		return trimDeployment(o), nil
	case *istio.VirtualService:
		return &route{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion},
			revisions:  destinations(o),
		}, nil
	}
	return obj, nil
}

// trimDeployment keeps names, the annotations that say how to scale, replicas,
// and how the rollout went.
func trimDeployment(d *appsv1.Deployment) *appsv1.Deployment {
	out := &appsv1.Deployment{
		TypeMeta: d.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name, UID: d.UID, ResourceVersion: d.ResourceVersion, Generation: d.Generation,
			DeletionTimestamp: d.DeletionTimestamp,
			Labels:            only(d.Labels, contract.LabelRevision, contract.LabelService),
			Annotations:       only(d.Annotations, contract.AnnotationLimits, contract.AnnotationFailed, contract.AnnotationActivation),
		},
		Spec:   appsv1.DeploymentSpec{Replicas: d.Spec.Replicas},
		Status: appsv1.DeploymentStatus{ReadyReplicas: d.Status.ReadyReplicas},
	}
	for k, v := range d.Annotations {
		if strings.HasPrefix(k, "autoscaling.knative.dev/") {
			out.Annotations[k] = v
		}
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing || c.Type == appsv1.DeploymentReplicaFailure {
			out.Status.Conditions = append(out.Status.Conditions, appsv1.DeploymentCondition{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message})
		}
	}
	return out
}

// destinations are the revisions that a VirtualService sends to: those that
// its headers name, and that have a weight or are alone.
func destinations(vs *istio.VirtualService) []autoscaler.Key {
	var keys []autoscaler.Key
	seen := map[autoscaler.Key]bool{}
	for _, rule := range vs.Spec.Http {
		for _, d := range rule.GetRoute() {
			if d.GetWeight() == 0 && len(rule.GetRoute()) > 1 {
				continue
			}
			k := autoscaler.Key{
				Namespace: header(contract.HeaderNamespace, d.GetHeaders(), rule.GetHeaders()),
				Revision:  header(contract.HeaderRevision, d.GetHeaders(), rule.GetHeaders()),
			}
			if k.Namespace != "" && k.Revision != "" && !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// header is what the first of the rules that sets a header sets it to.
func header(name string, rules ...*networking.Headers) string {
	for _, r := range rules {
		for key, value := range r.GetRequest().GetSet() {
			if http.CanonicalHeaderKey(key) == name {
				return value
			}
		}
	}
	return ""
}
