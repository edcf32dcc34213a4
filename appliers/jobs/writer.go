package jobs

import (
	"context"
	"encoding/json"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Next is the writer for everything that is the same for every kind.
type Next interface {
	Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error)
	Get(ctx context.Context, id manifest.ID) ([]byte, error)
	Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error)
}

// Config of a Writer; both are required.
type Config struct {
	// Next does what is the same for every kind.
	Next Next
	// Client reads ServiceAccounts and Secrets, and ends pods.
	Client kubernetes.Interface
}

// Writer writes Jobs. It is safe for concurrent use.
type Writer struct{ cfg Config }

// Kinds are those that a Writer writes.
func Kinds() []manifest.Kind { return []manifest.Kind{{APIVersion: "batch/v1", Kind: "Job"}} }

// New makes a writer; nothing is sent yet.
func New(cfg Config) (*Writer, error) {
	if cfg.Next == nil || cfg.Client == nil {
		return nil, errors.New("jobs: Config.Next and Config.Client are required")
	}
	return &Writer{cfg}, nil
}

// Patch creates a build's Job with its credentials, or changes its marks: a
// body without a spec. Jobs of other origin are applied as any object.
func (w *Writer) Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error) {
	var head struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     *batchv1.JobSpec  `json:"spec"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, err
	}
	switch {
	case head.Metadata.Labels[contract.LabelBuild] == "":
		return w.cfg.Next.Patch(ctx, id, body, manager, force)
	case head.Spec == nil:
		return w.mark(ctx, id, head.Metadata, manager)
	}
	account := head.Spec.Template.Spec.ServiceAccountName
	found, err := w.secretsOf(ctx, id.Namespace, account)
	if err != nil {
		return nil, err
	}
	if body, err = found.addTo(body); err != nil {
		return nil, err
	}
	return w.cfg.Next.Patch(ctx, id, body, manager, force)
}

// mark changes labels and annotations, and stops the Job if they say so. It
// is no apply: that would take away the spec, which is not repeated.
func (w *Writer) mark(ctx context.Context, id manifest.ID, meta metav1.ObjectMeta, manager string) ([]byte, error) {
	patch := map[string]any{"metadata": map[string]any{"labels": meta.Labels, "annotations": meta.Annotations}}
	if meta.UID != "" {
		patch["metadata"].(map[string]any)["uid"] = meta.UID
	}
	if meta.Annotations[contract.AnnotationStop] != "" {
		begun, err := w.stopPods(ctx, id)
		if err != nil {
			return nil, err
		}
		spec := map[string]any{"backoffLimit": 0} // no pod comes after those that are stopped
		if !begun {
			spec["suspend"] = true
		}
		patch["spec"] = spec
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	job, err := w.cfg.Client.BatchV1().Jobs(id.Namespace).Patch(ctx, id.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		return nil, err
	}
	job.APIVersion, job.Kind = id.APIVersion, id.Kind
	return json.Marshal(job)
}

// Get reads an object.
func (w *Writer) Get(ctx context.Context, id manifest.ID) ([]byte, error) {
	return w.cfg.Next.Get(ctx, id)
}

// Delete removes a Job, and in the background its pods.
func (w *Writer) Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error) {
	return w.cfg.Next.Delete(ctx, id, uid)
}
