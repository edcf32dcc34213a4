package engine

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// readFarewells are the Jobs that remove what deleted specs have outside the
// cluster, but for those that are done. Their pods, which have the same label,
// say how it goes.
func (e *Engine) readFarewells(labelled []*plan.Object) []status.Farewell {
	var out []status.Farewell
	words := map[manifest.ID]string{}
	for _, o := range labelled {
		switch kind := o.ID.KindOf(); {
		case kind == podKind:
			if text := podTrouble(o); text != "" {
				words[jobOf(o)] = text
			}
		case kind == build.JobKind && !o.Terminating:
			if f, going := readFarewell(o); going {
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	e.cfg.Observer.Watch(podKind)
	for i := range out {
		id := manifest.ID{APIVersion: build.JobKind.APIVersion, Kind: build.JobKind.Kind, Namespace: out[i].Namespace, Name: out[i].Job}
		out[i].Reason = cmp.Or(words[id], e.lastReason(out[i]))
	}
	slices.SortFunc(out, status.Farewell.Compare)
	return out
}

// lastReason is what stands in a farewell's way, as it was seen last, and why it
// failed: the pod that could say so may be gone.
func (e *Engine) lastReason(f status.Farewell) string {
	i := slices.IndexFunc(e.report.Farewells, func(b status.Farewell) bool { return b.Namespace == f.Namespace && b.Job == f.Job })
	if i < 0 || e.report.Farewells[i].Reason == "" {
		return f.Reason
	}
	before := e.report.Farewells[i]
	if f.Failed() && !before.Failed() {
		return before.Reason + " (" + f.Reason + ")"
	}
	return before.Reason
}

// readFarewell judges a Job; false is one that has done its work.
func readFarewell(o *plan.Object) (status.Farewell, bool) {
	f := status.Farewell{
		Spec: schema.ParseIdentity(o.Annotations[contract.AnnotationUnit]), What: strings.Join(strings.Fields(o.Annotations[contract.AnnotationFarewellOf]), " "),
		Namespace: o.ID.Namespace, Job: o.ID.Name, State: status.Progressing,
	}
	phase, message := build.JobEnd(o)
	if phase == build.Failed {
		f.State, f.Reason = status.Failed, message
	}
	return f, phase != build.Succeeded
}

// jobOf is the Job of a pod.
func jobOf(pod *plan.Object) manifest.ID {
	return manifest.ID{APIVersion: build.JobKind.APIVersion, Kind: build.JobKind.Kind, Namespace: pod.ID.Namespace, Name: pod.Labels["batch.kubernetes.io/job-name"]}
}

// podTrouble is why a pod has not done its work: what it said last, or what it
// waits for. The words of a pod that is being started are no trouble.
func podTrouble(o *plan.Object) string {
	words, ok := lastWords(o)
	if ok || words != "" {
		return words
	}
	var p struct{ Status corev1.PodStatus }
	if json.Unmarshal(o.JSON, &p) != nil {
		return ""
	}
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			return w.Reason + ": " + w.Message
		}
	}
	return ""
}

// starting says of a Job that starts a feed that it has not ended: what stops the
// feed has to know what it said last, and may not run beside it.
func starting(o *plan.Object) string {
	if o.ID.KindOf() != build.JobKind || o.Labels[contract.LabelSource] == "" {
		return ""
	}
	if phase, _ := build.JobEnd(o); phase != build.Absent {
		return ""
	}
	return "it has started its feed, or failed to, so that the feed can be stopped"
}
