package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Writer is what an [Applier] asks of a cluster. *API is one for every kind;
// appliers/istio has one that goes through typed clients.
type Writer interface {
	// Patch is one server-side apply; it answers with the stored object.
	Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error)
	// Get reads an object.
	Get(ctx context.Context, id manifest.ID) ([]byte, error)
	// Delete removes the object with that UID and answers with a Status or,
	// if finalizers hold it, with the object.
	Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error)
}

// ApplierConfig says how steps are done.
type ApplierConfig struct {
	// Writer is where they are done. Required.
	Writer Writer
	// ApplySet is the value of our part-of label. Required.
	ApplySet string
	// Timeout bounds one step. Default 30 s.
	Timeout time.Duration
}

// Applier does steps. It keeps no state and is safe for concurrent use.
type Applier struct{ cfg ApplierConfig }

// NewApplier makes an applier.
func NewApplier(cfg ApplierConfig) (*Applier, error) {
	if cfg.Writer == nil {
		return nil, errors.New("kubernetes: ApplierConfig.Writer is required")
	}
	if cfg.ApplySet == "" {
		return nil, errors.New("kubernetes: ApplierConfig.ApplySet is required")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	return &Applier{cfg: cfg}, nil
}

// Apply does one step.
func (a *Applier) Apply(ctx context.Context, step plan.Step) plan.Outcome {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	object, err := a.do(ctx, step)
	outcome := plan.Outcome{Step: step, Object: object}
	if err != nil {
		outcome.Terminal, outcome.RetryAfter, outcome.Err = explain(step.ID, err)
	}
	return outcome
}

func (a *Applier) do(ctx context.Context, step plan.Step) (plan.Object, error) {
	switch step.Action {
	case plan.Create:
		return a.create(ctx, step)
	case plan.Update, plan.Heal:
		return a.update(ctx, step)
	case plan.Delete:
		return a.delete(ctx, step)
	}
	return plan.Object{}, fmt.Errorf("%s is no action an applier knows", step.Action)
}

// never is a resourceVersion that no object has: version 1 is etcd's empty
// store. The API server ignores it on an object that it is to create and
// answers 409 for one that exists, which makes an apply that only creates.
const never = `"resourceVersion":"1"`

// create writes an object that is not there; an existing one is left as it is
// until it is known whose it is.
func (a *Applier) create(ctx context.Context, step plan.Step) (plan.Object, error) {
	body, err := step.Manifest.Body(step.Stamps, step.Manifest.Replicas)
	if err != nil {
		return plan.Object{}, err
	}
	body = prepend(body, never, "metadata")
	if body == nil {
		return plan.Object{}, errNoMetadata
	}
	raw, err := a.cfg.Writer.Patch(ctx, step.ID, body, contract.FieldManager, true)
	if err == nil {
		return a.stored(step.ID, raw)
	}
	if !apierrors.IsConflict(err) {
		return plan.Object{}, err
	}
	return a.takeOver(ctx, step)
}

// takeOver writes an object that turned out to exist, if that is right.
func (a *Applier) takeOver(ctx context.Context, step plan.Step) (plan.Object, error) {
	raw, err := a.cfg.Writer.Get(ctx, step.ID)
	if apierrors.IsNotFound(err) {
		return plan.Object{}, errChanged
	}
	if err != nil {
		return plan.Object{}, err
	}
	live, err := parse(step.ID.KindOf(), a.cfg.ApplySet, raw)
	if err != nil {
		return plan.Object{}, err
	}
	if err := a.claim(step, live); err != nil {
		return plan.Object{}, err
	}
	step.Live = live.Object
	return a.update(ctx, step)
}

// claim says why an existing object may not be written, or nil.
func (a *Applier) claim(step plan.Step, live parsed) error {
	set := live.Labels[contract.LabelPartOf]
	if live.applied() && (set == "" || set == a.cfg.ApplySet) {
		return nil
	}
	if owner := engineOf(live.Object, a.cfg.ApplySet); owner != "" {
		return &ownedError{text: fmt.Sprintf("it belongs to another engine (%s), and two would overwrite each other for ever: take it out of the other one, labels and annotations too, or out of this repository", owner)}
	}
	if step.Manifest.Adopt {
		return nil
	}
	return &ownedError{text: fmt.Sprintf("it exists already and belongs to %s: delete it, rename yours, or set the annotation %s: \"true\" in the spec to take it over", live.owners(), contract.AnnotationAdopt)}
}

// engineOf names the other engine whose marks an object carries.
func engineOf(o plan.Object, applySet string) string {
	if set := o.Labels[contract.LabelPartOf]; set != "" && set != applySet {
		return contract.LabelPartOf + "=" + set
	}
	for _, key := range []string{"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"} {
		if o.Labels[key] != "" {
			return key + "=" + o.Labels[key]
		}
	}
	if tracking := o.Annotations["argocd.argoproj.io/tracking-id"]; tracking != "" {
		return "argocd.argoproj.io/tracking-id=" + tracking
	}
	return ""
}

// update writes an object that is there. It takes back every field that the
// manifest names and never sends spec.replicas.
func (a *Applier) update(ctx context.Context, step plan.Step) (plan.Object, error) {
	if step.Live.Terminating {
		return plan.Object{}, errTerminating
	}
	body, err := step.Manifest.Body(step.Stamps, nil)
	if err != nil {
		return plan.Object{}, err
	}
	if step.Live.UID != "" { // an object that was replaced meanwhile is not ours to write
		if body = prepend(body, fmt.Sprintf(`"uid":%q`, step.Live.UID), "metadata"); body == nil {
			return plan.Object{}, errNoMetadata
		}
	}
	if err := a.handOver(ctx, step); err != nil {
		return plan.Object{}, err
	}
	raw, err := a.cfg.Writer.Patch(ctx, step.ID, body, contract.FieldManager, true)
	if replaced(err) {
		return plan.Object{}, errChanged
	}
	if err != nil {
		return plan.Object{}, err
	}
	return a.stored(step.ID, raw)
}

// handOver gives spec.replicas, which was sent with the creation, to the
// manager of scaling, at the value it has. Somebody may scale at the same
// moment, and after a scale to zero nobody owns the field, so that the server
// would see no conflict: the value is written only on the version it was read from.
func (a *Applier) handOver(ctx context.Context, step plan.Step) error {
	live := step.Live
	for range 5 {
		n := replicas(live.JSON)
		if !live.OwnsReplicas || n == "" || n == "1" && step.ID.Group() == "apps" { // 1 is what apps kinds default to
			return nil
		}
		body := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q,"uid":%q,"resourceVersion":%q},"spec":{"replicas":%s}}`,
			step.ID.APIVersion, step.ID.Kind, step.ID.Name, step.ID.Namespace, step.Live.UID, live.ResourceVersion, n)
		_, err := a.cfg.Writer.Patch(ctx, step.ID, []byte(body), contract.ScaleFieldManager, false)
		if !apierrors.IsConflict(err) {
			if replaced(err) {
				return errChanged
			}
			return err
		}
		if live, err = a.fresh(ctx, step); err != nil {
			return err
		}
	}
	return errBusy
}

// fresh reads the step's object again.
func (a *Applier) fresh(ctx context.Context, step plan.Step) (plan.Object, error) {
	raw, err := a.cfg.Writer.Get(ctx, step.ID)
	if apierrors.IsNotFound(err) {
		return plan.Object{}, errChanged
	}
	if err != nil {
		return plan.Object{}, err
	}
	live, err := parse(step.ID.KindOf(), a.cfg.ApplySet, raw)
	if err == nil && live.UID != step.Live.UID {
		err = errChanged
	}
	return live.Object, err
}

// replaced reports whether the object of the uid that was sent is gone.
func replaced(err error) bool {
	if apierrors.IsConflict(err) {
		return !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
	}
	if !apierrors.IsInvalid(err) {
		return false
	}
	cause, ok := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid)
	return ok && cause.Field == "metadata.uid"
}

// delete removes an object. One that is not there is removed.
func (a *Applier) delete(ctx context.Context, step plan.Step) (plan.Object, error) {
	raw, err := a.cfg.Writer.Delete(ctx, step.ID, step.Live.UID)
	if apierrors.IsNotFound(err) {
		return plan.Object{}, nil
	}
	if apierrors.IsConflict(err) {
		return plan.Object{}, errOther
	}
	if err != nil {
		return plan.Object{}, err
	}
	if held, err := parse(step.ID.KindOf(), a.cfg.ApplySet, raw); err == nil && held.Terminating {
		return held.Object, nil
	}
	return plan.Object{}, nil
}

// stored is the object that the server answered with.
func (a *Applier) stored(id manifest.ID, raw []byte) (plan.Object, error) {
	p, err := parse(id.KindOf(), a.cfg.ApplySet, raw)
	if err != nil {
		return plan.Object{}, err
	}
	if p.Terminating {
		return p.Object, errTerminating
	}
	return p.Object, nil
}
