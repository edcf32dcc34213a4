package bench

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The stages of a pod's start, in the order in which they can be seen.
const (
	stageCreated = iota
	stageScheduled
	stageSandbox
	stageAddress
	stageStarted
	stageReady
	stageAnswer
	stageCount
)

var stageTexts = [stageCount]string{
	"  pod created", "  scheduled", "  sandbox told of", "  address told of", "  container told to run", "  told to be ready", "  answered",
}

// timeline is when each stage of one start was first seen by a watch of the
// API; the answer by who had asked. 0 is never.
type timeline [stageCount]time.Duration

// see notes what a pod says.
func (l *timeline) see(pod *corev1.Pod, now time.Duration) {
	note := func(stage int, reached bool) {
		if reached && l[stage] == 0 {
			l[stage] = now
		}
	}
	note(stageCreated, true)
	note(stageScheduled, pod.Spec.NodeName != "")
	note(stageAddress, pod.Status.PodIP != "")
	for _, c := range pod.Status.Conditions {
		note(stageSandbox, c.Type == corev1.PodReadyToStartContainers && c.Status == corev1.ConditionTrue)
		note(stageReady, c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue)
	}
	for _, c := range pod.Status.ContainerStatuses {
		note(stageStarted, c.State.Running != nil)
	}
}

// timelines are those of one kind.
type timelines []timeline

func (t *timelines) add(l timeline) { *t = append(*t, l) }

// of is one stage of all.
func (t timelines) of(stage int) (s sample) {
	for _, l := range t {
		s = append(s, l[stage])
	}
	return s
}

// slowest is the line of the one that was answered last.
func (t timelines) slowest() string {
	worst := slices.MaxFunc(t, func(a, b timeline) int { return cmp.Compare(a[stageAnswer], b[stageAnswer]) })
	var parts []string
	for _, at := range worst {
		parts = append(parts, ms(at))
	}
	return strings.Join(parts, " / ")
}
