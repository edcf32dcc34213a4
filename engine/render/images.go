package render

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Images says what the tags in a revision's images stand for: references with
// digests, by image as written. An image that is not in it runs as written.
// known is false while that is being found out: the revision then waits.
type Images func(w desired.Workload) (digests map[string]string, known bool)

// resolved is the workload with digests for tags. What was found is recorded
// with it, so that the revision never becomes another image's.
func (find Images) resolved(w desired.Workload) (_ desired.Workload, known bool, err error) {
	if find == nil {
		return w, true, nil
	}
	digests, known := find(w)
	if !known || len(digests) == 0 {
		return w, known, nil
	}
	record, err := json.Marshal(digests)
	if err != nil {
		return w, true, err
	}
	w.Template.Pod = *w.Template.Pod.DeepCopy()
	replace(w.Template.Pod.InitContainers, digests)
	replace(w.Template.Pod.Containers, digests)
	w.Template.Annotations = merged(w.Template.Annotations, map[string]string{contract.AnnotationImages: string(record)})
	return w, true, nil
}

func replace(containers []corev1.Container, digests map[string]string) {
	for i := range containers {
		if digest, ok := digests[containers[i].Image]; ok {
			containers[i].Image = digest
		}
	}
}

// Tagged lists the workload's images that have no digest, each once.
func Tagged(w desired.Workload) []string {
	var out []string
	seen := map[string]bool{}
	for _, containers := range [][]corev1.Container{w.Template.Pod.InitContainers, w.Template.Pod.Containers} {
		for i := range containers {
			image := containers[i].Image
			if !seen[image] && !strings.Contains(image, "@") {
				seen[image] = true
				out = append(out, image)
			}
		}
	}
	return out
}
