package node

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// firstStatus is a container's status before this run of the node has done
// anything. A container that ran under an earlier run was lost with it: it
// counts as killed, and is started again if its pod's policy says so.
func (c *container) firstStatus(pod *corev1.Pod, spec *corev1.Container) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: spec.Name, Image: spec.Image, Started: new(false)}
	s.State = waiting("ContainerCreating", "")
	if len(pod.Spec.InitContainers) > 0 {
		s.State = waiting("PodInitializing", "")
	}
	old := statusNamed(pod, spec.Name)
	if old == nil || old.ContainerID == "" {
		return s
	}
	lost := old.State
	if lost.Terminated == nil {
		lost = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 137, Reason: "ContainerStatusUnknown", Message: "The container was lost when its node stopped",
			ContainerID: old.ContainerID, FinishedAt: metav1.Now(),
		}}
		if old.State.Running != nil {
			lost.Terminated.StartedAt = old.State.Running.StartedAt
		}
	}
	s.Image, s.ImageID, s.ContainerID, s.RestartCount = old.Image, old.ImageID, old.ContainerID, old.RestartCount
	c.attempt = old.RestartCount + 1
	again := c.restartableAfter(pod.Spec.RestartPolicy, *lost.Terminated)
	if c.init && !c.sidecar {
		again = initAgain(pod)
	}
	if again && !isTerminal(pod) {
		s.LastTerminationState = lost
		return s
	}
	s.State, s.LastTerminationState = lost, old.LastTerminationState
	return s
}

// initAgain says whether init containers may do their part again, after what
// they had made was lost. The API forbids it where a pod may not simply be
// restarted: what has ended there stays ended.
func initAgain(pod *corev1.Pod) bool {
	return pod.Spec.RestartPolicy == corev1.RestartPolicyAlways || pod.Spec.RestartPolicy == ""
}

// beyondRepair says whether the pod lost what its init containers had made, and
// cannot get it back. A Job makes another one.
func (p *pod) beyondRepair() bool {
	if initAgain(p.current()) {
		return false
	}
	for _, c := range p.containers {
		if c.init && !c.sidecar && c.state().State.Terminated != nil {
			return true
		}
	}
	return false
}

func isTerminal(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func statusNamed(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}
