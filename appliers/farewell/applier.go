package farewell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Next does the steps themselves.
type Next interface {
	Apply(ctx context.Context, step plan.Step) plan.Outcome
}

// Config of an Applier; all is required.
type Config struct {
	Next   Next
	Client kubernetes.Interface
	// ApplySet is the value of our part-of label, by which the engine sees the
	// Jobs and their pods. They are not its own: nothing describes them.
	ApplySet string
	Log      *slog.Logger
}

// Applier does steps, with farewells. It keeps no state and is safe for
// concurrent use.
type Applier struct{ cfg Config }

// Kinds are those that may have something outside.
func Kinds() []manifest.Kind {
	return []manifest.Kind{{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "batch/v1", Kind: "Job"}}
}

// New makes an applier.
func New(cfg Config) (*Applier, error) {
	if cfg.Next == nil || cfg.Client == nil || cfg.ApplySet == "" || cfg.Log == nil {
		return nil, errors.New("farewell: Config.Next, Client, ApplySet and Log are required")
	}
	return &Applier{cfg}, nil
}

// Apply does one step.
func (a *Applier) Apply(ctx context.Context, step plan.Step) plan.Outcome {
	before, err := read(step.Live.Annotations)
	if err != nil { // somebody else wrote it: there is nothing to be done about it
		a.cfg.Log.Warn("what is outside the cluster stays there", "object", step.ID.String(), "error", err)
	}
	after, err := described(step)
	if err != nil {
		return plan.Outcome{Step: step, Err: err, Terminal: true}
	}
	if before.Of != "" && before.Of != after.Of {
		err = a.leave(ctx, step, before)
	}
	if err == nil && after.Of != "" {
		err = a.recall(ctx, step.ID, after)
	}
	if err != nil {
		return plan.Outcome{Step: step, Err: err}
	}
	return a.cfg.Next.Apply(ctx, step)
}

// leave makes the Job.
func (a *Applier) leave(ctx context.Context, step plan.Step, f contract.Farewell) error {
	if err := a.listen(ctx, step.ID, &f); err != nil {
		return fmt.Errorf("%s: farewell: %w", step.ID, err)
	}
	job, err := jobOf(step.Live, f, a.cfg.ApplySet)
	if err != nil {
		return fmt.Errorf("%s: farewell: %w", step.ID, err)
	}
	_, err = a.cfg.Client.BatchV1().Jobs(job.Namespace).Create(ctx, job, metav1.CreateOptions{FieldManager: contract.FieldManager})
	switch {
	case err == nil:
		a.cfg.Log.Info("farewell begun", "object", step.ID.String(), "job", job.Name, "of", f.Of)
	case apierrors.IsAlreadyExists(err):
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		a.cfg.Log.Warn("the namespace is gone, what is outside the cluster stays there", "object", step.ID.String(), "of", f.Of)
	default:
		return fmt.Errorf("%s: farewell: %w", step.ID, err)
	}
	return nil
}

// listen gives a farewell what the Job's own pod said last. What was noted on
// the Job stays where no pod is there to say it.
func (a *Applier) listen(ctx context.Context, id manifest.ID, f *contract.Farewell) error {
	if f.Words == "" {
		return nil
	}
	pods, err := a.cfg.Client.CoreV1().Pods(id.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + id.Name})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		if words := lastWords(pods.Items[i].Status); words != "" {
			f.Env = maps.Clone(f.Env)
			f.Env[f.Words] = words
		}
	}
	return nil
}

// lastWords are those of a pod that ended well.
func lastWords(s corev1.PodStatus) (words string) {
	if s.Phase != corev1.PodSucceeded {
		return ""
	}
	for _, c := range s.ContainerStatuses {
		if t := c.State.Terminated; t != nil && t.Message != "" {
			words = strings.TrimSpace(t.Message)
		}
	}
	return words
}

// recall ends farewells of what is to be there again, and waits for their pods: what
// removes may not run beside what makes.
func (a *Applier) recall(ctx context.Context, id manifest.ID, f contract.Farewell) error {
	jobs := a.cfg.Client.BatchV1().Jobs(id.Namespace)
	of := metav1.ListOptions{LabelSelector: contract.LabelFarewell + "=" + label(id, f)}
	list, err := jobs.List(ctx, of)
	if err != nil {
		return fmt.Errorf("%s: farewell: %w", id, err)
	}
	background, ended := metav1.DeletePropagationBackground, false
	for i := range list.Items {
		if over(&list.Items[i]) {
			continue
		}
		ended = true
		err := jobs.Delete(ctx, list.Items[i].Name, metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s: farewell: %w", id, err)
		}
	}
	if ended {
		return a.awaitEnd(ctx, id, of)
	}
	return nil
}

const (
	// endsWithin is how long a pod of a farewell may take to end; then the step
	// fails, and is tried again.
	endsWithin = 10 * time.Second
	lookEvery  = 100 * time.Millisecond
)

// awaitEnd returns when no pod of the farewells runs any more.
func (a *Applier) awaitEnd(ctx context.Context, id manifest.ID, of metav1.ListOptions) error {
	late := time.Now().Add(endsWithin)
	for {
		pods, err := a.cfg.Client.CoreV1().Pods(id.Namespace).List(ctx, of)
		if err != nil {
			return fmt.Errorf("%s: farewell: %w", id, err)
		}
		runs := slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool {
			return p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
		})
		if !runs {
			return nil
		}
		if time.Now().After(late) {
			return fmt.Errorf("%s: farewell: what removed it before is still ending; it is made when that has ended", id)
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// over reports whether a Job has come to an end.
func over(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return true
		}
	}
	return false
}

// read gives an object's farewell; none is the zero one.
func read(annotations map[string]string) (f contract.Farewell, err error) {
	text := annotations[contract.AnnotationFarewell]
	if text == "" {
		return f, nil
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return contract.Farewell{}, fmt.Errorf("annotation %s: %w", contract.AnnotationFarewell, err)
	}
	return f, nil
}

// described is the farewell of the object as the step is to leave it.
func described(step plan.Step) (contract.Farewell, error) {
	if step.Action == plan.Delete || !bytes.Contains(step.Manifest.JSON, []byte(contract.AnnotationFarewell)) {
		return contract.Farewell{}, nil
	}
	var object struct {
		Metadata struct{ Annotations map[string]string } `json:"metadata"`
	}
	if err := json.Unmarshal(step.Manifest.JSON, &object); err != nil {
		return contract.Farewell{}, fmt.Errorf("%s: %w", step.ID, err)
	}
	return read(object.Metadata.Annotations)
}
