package farewell

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// attempts are made with pauses from ten seconds to six minutes between them.
	attempts = 8
	// within is for how long, in seconds.
	within = 30 * 60
	// kept is for how long, in seconds, the Job and its log are there afterwards.
	kept = 24 * 60 * 60
	// maxStem leaves room in a name of 63 characters.
	maxStem = 40
)

// jobOf is the Job by which a live object takes its leave.
func jobOf(live plan.Object, f contract.Farewell, applySet string) (*batchv1.Job, error) {
	var object struct {
		Spec struct{ Template corev1.PodTemplateSpec } `json:"spec"`
	}
	if err := json.Unmarshal(live.JSON, &object); err != nil {
		return nil, err
	}
	pod := object.Spec.Template.Spec
	if len(pod.Containers) == 0 {
		return nil, errors.New("it has no pod to take leave with")
	}
	pod.RestartPolicy = corev1.RestartPolicyNever
	change(&pod.Containers[0], f)
	labels := map[string]string{contract.LabelFarewell: label(live.ID, f), contract.LabelPartOf: applySet}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: live.ID.Namespace, Name: name(live, f), Labels: labels, Annotations: map[string]string{
			contract.AnnotationUnit: live.Unit, contract.AnnotationFarewellOf: f.Of,
		}},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr(int32(attempts)), ActiveDeadlineSeconds: ptr(int64(within)), TTLSecondsAfterFinished: ptr(int32(kept)),
			// None of the object's own labels: its pods are no longer asked for.
			// Ours let the engine see how it goes.
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels), Annotations: map[string]string{"sidecar.istio.io/inject": "false"}},
				Spec:       pod,
			},
		},
	}, nil
}

// change makes a container one that takes leave.
func change(c *corev1.Container, f contract.Farewell) {
	c.ReadinessProbe, c.LivenessProbe, c.StartupProbe, c.Lifecycle, c.Ports = nil, nil, nil, nil, nil
	c.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	if len(f.Args) > 0 {
		c.Args = f.Args
	}
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name })
		if i < 0 {
			c.Env, i = append(c.Env, corev1.EnvVar{}), len(c.Env)
		}
		c.Env[i] = corev1.EnvVar{Name: name, Value: f.Env[name]}
	}
}

// label is the same for what an object of that name has outside.
func label(id manifest.ID, f contract.Farewell) string {
	return digest(id.Kind, id.Name, f.Of)[:16]
}

// name is the same however often one object takes leave of one thing.
func name(live plan.Object, f contract.Farewell) string {
	stem := strings.TrimRight(live.ID.Name[:min(len(live.ID.Name), maxStem)], "-.")
	return stem + "-farewell-" + digest(live.UID, f.Of)[:8]
}

func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func ptr[T any](v T) *T { return &v }
