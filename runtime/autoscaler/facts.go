package autoscaler

import (
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
	"github.com/sluice-dev/sluice/schema/contract"
)

// facts are what a revision's Deployment says.
type facts struct {
	uid        string
	generation int64
	service    string
	config     decide.Config
	have       int32 // spec.replicas
	ready      int32
	complete   bool                // its rollout was complete once
	late       string              // why it did not become ready in time
	failed     string              // what AnnotationFailed says
	activation string              // what AnnotationActivation says
	activated  contract.Activation // the same, read; zero if it cannot be
	blocked    string              // why no pod can be made
}

// initialised tells whether the revision was ready once. A failed one looks
// complete at zero, but only a pod proves it.
func (f *facts) initialised() bool { return f.ready > 0 || f.complete && f.failed == "" }

// givenUp tells whether it did not become ready in time.
func (f *facts) givenUp() bool { return !f.initialised() && (f.failed != "" || f.late != "") }

// note is what AnnotationFailed is to say once the revision is given up for
// good (zero), or as it is.
func (f *facts) note(want int32, routed bool) string {
	switch {
	case f.initialised():
		return ""
	case f.failed != "":
		return f.failed
	case f.late != "" && want == 0 && !routed:
		return f.late
	}
	return ""
}

// readFacts reads a Deployment.
func readFacts(d *appsv1.Deployment, defaults decide.Config) facts {
	f := facts{
		uid: string(d.UID), generation: d.Generation, service: d.Labels[contract.LabelService],
		have: 1, ready: d.Status.ReadyReplicas, failed: d.Annotations[contract.AnnotationFailed],
		activation: d.Annotations[contract.AnnotationActivation],
	}
	if d.Spec.Replicas != nil {
		f.have = *d.Spec.Replicas
	}
	_ = json.Unmarshal([]byte(f.activation), &f.activated)
	var limits contract.Limits
	_ = json.Unmarshal([]byte(d.Annotations[contract.AnnotationLimits]), &limits) // unreadable: no limit is known
	f.config = defaults.With(d.Annotations, limits.ContainerConcurrency)
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			f.blocked = because(c)
		case c.Type != appsv1.DeploymentProgressing:
		case c.Reason == "NewReplicaSetAvailable":
			f.complete = true
		case c.Status == corev1.ConditionFalse:
			f.late = because(c)
		}
	}
	return f
}

func because(c appsv1.DeploymentCondition) string {
	if c.Message == "" {
		return c.Reason
	}
	return c.Reason + ": " + c.Message
}

// WakeScale is how many pods a revision wakes with where no autoscaler answers:
// what its Deployment's annotations say at least, and one at least.
func WakeScale(d *appsv1.Deployment) int32 {
	c := readFacts(d, decide.Defaults()).config
	n := max(1, c.MinScale, c.ActivationScale)
	if c.MaxScale > 0 {
		n = min(n, c.MaxScale)
	}
	return n
}

// SetDeployment tells that a Deployment is there, or has changed. One without
// the revision label is ignored. The object is not kept.
func (a *Autoscaler) SetDeployment(d *appsv1.Deployment) {
	if d.Labels[contract.LabelRevision] == "" || d.DeletionTimestamp != nil {
		return
	}
	f := readFacts(d, a.cfg.Defaults)
	for !a.revision(Key{d.Namespace, d.Name}).set(f) {
	}
}

// DeleteDeployment tells that a Deployment is gone.
func (a *Autoscaler) DeleteDeployment(namespace, name string) {
	k := Key{namespace, name}
	v := a.find(k)
	if v == nil {
		return
	}
	v.mu.Lock()
	v.there, v.facts, v.told = false, facts{}, false
	v.mu.Unlock()
	v.poke()
	a.forget(v)
}

// forget drops the entry of a revision that has neither a Deployment nor
// reports nor an actor.
func (a *Autoscaler) forget(v *revision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.there && v.actor == nil && len(v.loads) == 0 {
		delete(a.revisions, v.key)
		v.gone, v.history = true, nil // a stream may know it yet
	}
}

// SetRoute tells to which revisions a route leads; namespace and name are the
// route's. A revision that none leads to any more goes to zero at once.
func (a *Autoscaler) SetRoute(namespace, name string, revisions []Key) {
	route := namespace + "/" + name
	a.mu.Lock()
	before := a.routes[route]
	if slices.Equal(before, revisions) {
		a.mu.Unlock()
		return
	}
	for _, k := range revisions {
		a.routed[k]++
	}
	var changed []*revision
	for _, k := range slices.Concat(before, revisions) {
		if v := a.revisions[k]; v != nil && !slices.Contains(changed, v) {
			changed = append(changed, v)
		}
	}
	for _, k := range before {
		if a.routed[k]--; a.routed[k] <= 0 {
			delete(a.routed, k)
		}
	}
	a.routes[route] = slices.Clone(revisions)
	if len(revisions) == 0 {
		delete(a.routes, route)
	}
	a.mu.Unlock()
	for _, v := range changed {
		v.poke()
	}
}

// DeleteRoute tells that a route is gone.
func (a *Autoscaler) DeleteRoute(namespace, name string) { a.SetRoute(namespace, name, nil) }

// Synced tells that everything that was there when the watching began has been
// told. Before, every revision counts as one that a route leads to.
func (a *Autoscaler) Synced() {
	a.mu.Lock()
	a.synced = true
	a.mu.Unlock()
	a.pokeAll()
}

// pokeAll wakes whoever may have something to decide.
func (a *Autoscaler) pokeAll() {
	for _, v := range a.all() {
		v.poke()
	}
}
