package node

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// facts are what a pod's status is made of.
type facts struct {
	pod        *corev1.Pod // as the API has it
	init, main []corev1.ContainerStatus
	hostIP     string
	podIP      string
	prepared   bool // volumes are there
	over       bool // nothing runs any more, nor will
	reason     string
	message    string
	started    metav1.Time
	now        metav1.Time
}

// statusOf is the pod's status. What others write in it stays.
func statusOf(f facts) corev1.PodStatus {
	s := *f.pod.Status.DeepCopy()
	s.ObservedGeneration = f.pod.Generation
	s.Phase = phaseOf(f)
	s.Reason, s.Message = f.reason, f.message
	s.StartTime = &f.started
	s.InitContainerStatuses, s.ContainerStatuses = f.init, f.main
	s.HostIP, s.HostIPs = f.hostIP, []corev1.HostIP{{IP: f.hostIP}}
	if f.podIP != "" {
		s.PodIP, s.PodIPs = f.podIP, []corev1.PodIP{{IP: f.podIP}}
	}
	over := s.Phase == corev1.PodSucceeded || s.Phase == corev1.PodFailed
	initialized := judge(initialized(f), "ContainersNotInitialized", "containers with incomplete status")
	containers := judge(!over && allReady(f), "ContainersNotReady", "containers with unready status")
	ready := containers
	if containers.ok {
		ready = judge(gatesOpen(f.pod), "ReadinessGatesNotReady", "a readiness gate of the pod is not true")
	}
	if s.Phase == corev1.PodSucceeded {
		containers.reason, ready.reason = "PodCompleted", "PodCompleted"
		initialized.reason = "PodCompleted"
	} else if s.Phase == corev1.PodFailed {
		containers.reason, ready.reason = "PodFailed", "PodFailed"
	}
	set(&s, f, corev1.PodReadyToStartContainers, judge(!over && f.prepared && f.podIP != "", "", ""))
	set(&s, f, corev1.PodInitialized, initialized)
	set(&s, f, corev1.PodReady, ready)
	set(&s, f, corev1.ContainersReady, containers)
	set(&s, f, corev1.PodScheduled, verdict{ok: true})
	return s
}

// verdict is a condition's status, and if it is false, why.
type verdict struct {
	ok              bool
	reason, message string
}

func judge(ok bool, reason, message string) verdict {
	if ok {
		return verdict{ok: true}
	}
	return verdict{reason: reason, message: message}
}

// set writes a condition; its time changes with its status only.
func set(s *corev1.PodStatus, f facts, kind corev1.PodConditionType, v verdict) {
	c := corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: v.reason, Message: v.message,
		LastTransitionTime: f.now, ObservedGeneration: f.pod.Generation,
	}
	if v.ok {
		c.Status = corev1.ConditionTrue
	}
	for i := range s.Conditions {
		if s.Conditions[i].Type != kind {
			continue
		}
		if s.Conditions[i].Status == c.Status {
			c.LastTransitionTime = s.Conditions[i].LastTransitionTime
		}
		s.Conditions[i] = c
		return
	}
	s.Conditions = append(s.Conditions, c)
}

// phaseOf sums the containers up, as the kubelet does.
func phaseOf(f facts) corev1.PodPhase {
	failed, pending := initOutcome(f)
	switch {
	case f.over:
		return lastPhase(f)
	case failed && f.pod.Spec.RestartPolicy == corev1.RestartPolicyNever:
		return corev1.PodPending // until it is over
	case pending:
		return corev1.PodPending
	}
	for _, c := range f.main {
		if c.State.Running == nil && c.State.Terminated == nil && c.LastTerminationState.Terminated == nil {
			return corev1.PodPending
		}
	}
	return corev1.PodRunning
}

// lastPhase is the phase of a pod in which nothing will run any more.
func lastPhase(f facts) corev1.PodPhase {
	if old := f.pod.Status.Phase; old == corev1.PodSucceeded || old == corev1.PodFailed {
		return old
	}
	if failed, pending := initOutcome(f); failed || pending || f.reason != "" {
		return corev1.PodFailed
	}
	for _, c := range f.main {
		if c.State.Terminated == nil || c.State.Terminated.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}

// initOutcome says whether an init container has failed, and whether one has
// yet to do its part.
func initOutcome(f facts) (failed, pending bool) {
	for i, c := range f.init {
		spec := &f.pod.Spec.InitContainers[i]
		if spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			pending = pending || !f.over && (c.Started == nil || !*c.Started) && c.State.Running == nil && c.LastTerminationState.Terminated == nil
			continue
		}
		switch t := c.State.Terminated; {
		case t == nil:
			pending = true
		case t.ExitCode != 0:
			failed, pending = true, true
		}
	}
	return failed, pending
}

func initialized(f facts) bool {
	if len(f.init) == 0 || f.pod.Status.Phase == corev1.PodSucceeded {
		return true
	}
	_, pending := initOutcome(f)
	return !pending
}

func allReady(f facts) bool {
	for _, c := range f.main {
		if !c.Ready {
			return false
		}
	}
	for i, c := range f.init {
		spec := &f.pod.Spec.InitContainers[i]
		if spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways && !c.Ready {
			return false
		}
	}
	return len(f.main) > 0
}

func gatesOpen(pod *corev1.Pod) bool {
	for _, g := range pod.Spec.ReadinessGates {
		open := false
		for _, c := range pod.Status.Conditions {
			open = open || c.Type == g.ConditionType && c.Status == corev1.ConditionTrue
		}
		if !open {
			return false
		}
	}
	return true
}
