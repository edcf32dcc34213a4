package eventing

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// containerSource is a ContainerSource as written.
type containerSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec `json:",inline"`
		Template   corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

func decodeContainerSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *containerSource) desired.Nouns {
		e := c.emitter("ContainerSource", contract.SourceContainer, w.Spec.sourceSpec, w.Labels)
		e.Pod = &w.Spec.Template
		c.sourcePod("spec.template", w.Spec.Template)
		c.options(w.Annotations).done()
		return desired.Nouns{Emitters: []desired.Emitter{e}}
	})
}

// sourcePod checks that a pod of the user's own reaches no further than a
// revision may.
func (c *check) sourcePod(path string, t corev1.PodTemplateSpec) {
	at := path + ".spec"
	if len(t.Spec.Containers) == 0 {
		c.errorf(at+".containers", "containers is missing: write at least one with an image")
	}
	for i, container := range t.Spec.Containers {
		c.required(index(at+".containers", i)+".image", container.Image, "write the image that sends the events")
		if s := container.SecurityContext; s != nil && s.Privileged != nil && *s.Privileged {
			c.errorf(index(at+".containers", i)+".securityContext.privileged", "reaches beyond the pod into its node, which a repository is not trusted with: leave it out")
		}
	}
	for i, v := range t.Spec.Volumes {
		if v.HostPath != nil {
			c.errorf(index(at+".volumes", i)+".hostPath", "reaches beyond the pod into its node, which a repository is not trusted with: use another kind of volume")
		}
	}
	for name, set := range map[string]bool{"hostNetwork": t.Spec.HostNetwork, "hostPID": t.Spec.HostPID, "hostIPC": t.Spec.HostIPC} {
		if set {
			c.errorf(at+"."+name, "reaches beyond the pod into its node, which a repository is not trusted with: leave it out")
		}
	}
}
