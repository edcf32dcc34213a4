package serving

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// workload makes the immutable revision of a template.
func (t *template) workload(id schema.Identity, service string) desired.Workload {
	w := desired.Workload{
		Namespace: id.Namespace, Service: service, Configuration: id.Name,
		Revision: t.revision, Builds: t.builds, Template: t.desired(),
	}
	if t.build != nil {
		w.Builds = append([]string{t.build.Name}, w.Builds...)
	}
	return w
}

// tasks is the template's own build, if it has one.
func (t *template) tasks() []desired.Task {
	if t.build == nil {
		return nil
	}
	return []desired.Task{*t.build}
}

// desired is the canonical template, free for its receiver to change.
func (t *template) desired() desired.Template {
	return desired.Template{
		Labels:                      some(t.labels),
		Annotations:                 some(t.annotations),
		Pod:                         *t.spec.PodSpec.DeepCopy(),
		ContainerConcurrency:        value(t.spec.ContainerConcurrency),
		TimeoutSeconds:              value(t.spec.TimeoutSeconds),
		ResponseStartTimeoutSeconds: value(t.spec.ResponseStartTimeoutSeconds),
		IdleTimeoutSeconds:          value(t.spec.IdleTimeoutSeconds),
	}
}

// some is a copy of a map, nil if there is nothing in it.
func some(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// serving is the index of the container that has the port, or of the only one.
func serving(containers []corev1.Container) int {
	for i := range containers {
		if len(containers[i].Ports) > 0 {
			return i
		}
	}
	return 0
}
