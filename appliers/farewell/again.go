package farewell

import (
	"context"
	"fmt"
	"maps"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Again makes a Job that does what a failed one was to do, puts it in its place,
// and gives its name.
func Again(ctx context.Context, client kubernetes.Interface, namespace, name string) (string, error) {
	jobs := client.BatchV1().Jobs(namespace)
	old, err := jobs.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("farewell %s/%s: %w", namespace, name, err)
	}
	if old.Labels[contract.LabelFarewell] == "" {
		return "", fmt.Errorf("%s/%s is no farewell", namespace, name)
	}
	made, err := jobs.Create(ctx, once(old), metav1.CreateOptions{FieldManager: contract.FieldManager})
	if err != nil {
		return "", fmt.Errorf("farewell %s/%s: %w", namespace, name, err)
	}
	background := metav1.DeletePropagationBackground
	if err := jobs.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		return "", fmt.Errorf("farewell %s/%s is tried again by %s, but stays: %w", namespace, name, made.Name, err)
	}
	return made.Name, nil
}

// once is a Job without what Kubernetes has added to it.
func once(old *batchv1.Job) *batchv1.Job {
	stem, _, _ := strings.Cut(old.Name, againMark)
	fresh := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: old.Namespace, GenerateName: stem + againMark, Labels: ours(old.Labels),
			Annotations: map[string]string{
				contract.AnnotationUnit: old.Annotations[contract.AnnotationUnit], contract.AnnotationFarewellOf: old.Annotations[contract.AnnotationFarewellOf],
			},
		},
		Spec: *old.Spec.DeepCopy(),
	}
	fresh.Spec.Selector, fresh.Spec.ManualSelector = nil, nil
	fresh.Spec.BackoffLimit, fresh.Spec.ActiveDeadlineSeconds = ptr(int32(attempts)), ptr(int64(within))
	fresh.Spec.Template.Labels = ours(fresh.Spec.Template.Labels)
	return fresh
}

// againMark stands before what makes the name of another attempt its own.
const againMark = "-again-"

// ours are labels without those of Kubernetes' own.
func ours(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.DeleteFunc(labels, func(key, _ string) bool {
		return key != contract.LabelFarewell && key != contract.LabelPartOf
	})
	return labels
}
