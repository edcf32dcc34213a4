package jobs

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// LabelJob is what Kubernetes writes on the pods of a Job.
const LabelJob = "batch.kubernetes.io/job-name"

// stopNow is the deadline that ends a pod at once: the least there is.
const stopNow = `{"spec":{"activeDeadlineSeconds":1}}`

// stopPods ends the pods of a Job; begun reports whether it has any.
func (w *Writer) stopPods(ctx context.Context, id manifest.ID) (begun bool, err error) {
	pods := w.cfg.Client.CoreV1().Pods(id.Namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: LabelJob + "=" + id.Name})
	if err != nil {
		return false, err
	}
	for i := range list.Items {
		p := &list.Items[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		_, err := pods.Patch(ctx, p.Name, types.MergePatchType, []byte(stopNow), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return true, err
		}
	}
	return len(list.Items) > 0, nil
}
