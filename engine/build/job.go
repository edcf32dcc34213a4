package build

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// JobKind is the kind of a build's run.
var JobKind = manifest.Kind{APIVersion: "batch/v1", Kind: "Job"}

// JobID names the Job of a task: by its name and its inputs, so that the same
// inputs never run twice.
func JobID(r Resolved) manifest.ID {
	const most = 57 // what Kubernetes adds to make a pod's name still fits a label
	name := r.Task.Name + "-build-" + r.Inputs[:10]
	if len(name) > most {
		sum := sha256.Sum256([]byte(name))
		name = strings.TrimRight(name[:most-11], "-") + "-" + hex.EncodeToString(sum[:5])
	}
	return manifest.ID{APIVersion: JobKind.APIVersion, Kind: JobKind.Kind, Namespace: r.Task.Namespace, Name: name}
}

// Marks are what may change on a Job once it is there.
type Marks struct {
	// Result is the image that it published.
	Result string
	// Stop says why it is to end.
	Stop string
}

// Job is the manifest of a task's run. A Job's spec never changes once it is
// created, so the manifest of one that is live is its marks alone; the digest
// is over the marks in either case, so that nothing is written twice.
func Job(r Resolved, c Config, commit string, live bool, m Marks, unit schema.Identity, file string) (manifest.Manifest, error) {
	id := JobID(r)
	head := &batchv1.Job{ObjectMeta: marked(id, r.Task.Name, r.Inputs, m, unit, c.ApplySet)}
	out, err := manifest.New(id, metadataOnly(head.ObjectMeta))
	if err != nil {
		return out, err
	}
	digest := out.Digest
	if !live {
		head.Spec = spec(r, c, commit)
		if out, err = manifest.New(id, head); err != nil {
			return out, err
		}
	}
	out.Digest, out.Unit, out.File = digest, unit, file
	return out, nil
}

// Stopped is the manifest of a Job that is to end: one of earlier inputs.
func Stopped(id manifest.ID, name, inputs, why string, c Config, unit schema.Identity, file string) (manifest.Manifest, error) {
	out, err := manifest.New(id, metadataOnly(marked(id, name, inputs, Marks{Stop: why}, unit, c.ApplySet)))
	out.Unit, out.File = unit, file
	return out, err
}

func metadataOnly(m metav1.ObjectMeta) any { return map[string]any{"metadata": m} }

func marked(id manifest.ID, name, inputs string, m Marks, unit schema.Identity, applySet string) metav1.ObjectMeta {
	annotations := map[string]string{
		contract.AnnotationUnit: unit.String(), contract.AnnotationTracking: id.String(), contract.AnnotationInputs: inputs,
	}
	if m.Result != "" {
		annotations[contract.AnnotationResult] = m.Result
	}
	if m.Stop != "" {
		annotations[contract.AnnotationStop] = m.Stop
	}
	return metav1.ObjectMeta{
		Namespace: id.Namespace, Name: id.Name, Annotations: annotations,
		Labels: map[string]string{contract.LabelPartOf: applySet, contract.LabelBuild: name},
	}
}

func spec(r Resolved, c Config, commit string) batchv1.JobSpec {
	p := pod(r, c, commit)
	return batchv1.JobSpec{
		BackoffLimit:     ptr(int32(retries)),
		PodFailurePolicy: rules(p.InitContainers),
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{
				Labels: map[string]string{
					contract.LabelPartOf: c.ApplySet, // so that the engine sees the pod
					contract.LabelBuild:  r.Task.Name, "build-name": r.Task.Name,
				},
				Annotations: map[string]string{"sidecar.istio.io/inject": "false"},
			},
			Spec: p,
		},
	}
}
