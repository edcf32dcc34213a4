package build

import (
	"encoding/json"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// retries is how often a run is tried again that failed because something was
// away: a repository, a registry. Kubernetes waits 10 s before the first, and
// twice as long each time, so that ten minutes are bridged.
const retries = 6

// rules say which failures are for good. Those of the user's own steps are,
// whatever their code; the platform's say by theirs which are not. A pod that
// its node had to give up is no failure of the build.
func rules(t []corev1.Container) *batchv1.PodFailurePolicy {
	policy := &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
		{
			Action:          batchv1.PodFailurePolicyActionIgnore,
			OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
		},
		{
			Action: batchv1.PodFailurePolicyActionFailJob,
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
				Operator: batchv1.PodFailurePolicyOnExitCodesOpNotIn, Values: []int32{contract.ExitAgain},
			},
		},
	}}
	const most = 20 // of rules, says Kubernetes
	for i := range t {
		if len(policy.Rules) < most && !ours(t[i].Name) {
			policy.Rules = append(policy.Rules, batchv1.PodFailurePolicyRule{
				Action: batchv1.PodFailurePolicyActionFailJob,
				OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
					ContainerName: &t[i].Name, Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{contract.ExitAgain},
				},
			})
		}
	}
	return policy
}

// ours reports whether a container is one of the platform's own steps.
func ours(container string) bool {
	return container == contract.StepCredentials || container == contract.StepResult ||
		container == contract.StepGit || strings.HasPrefix(container, contract.StepGit+"-")
}

// triedAgain is a failed pod's state as long as its Job goes on trying.
func triedAgain(job *plan.Object, p corev1.Pod, s State) State {
	var j batchv1.Job
	if s.Phase != Failed || !wasAway(p) || json.Unmarshal(job.JSON, &j) != nil {
		return s
	}
	if slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobFailed || c.Type == batchv1.JobSuspended)
	}) {
		s.Message += "; it was tried again for a while; to build once more: kubectl -n " + job.ID.Namespace + " delete job " + job.ID.Name
		return s
	}
	return State{Phase: Running, Reason: building, Message: s.Message + "; trying again"}
}

// wasAway reports whether a step of the platform's failed because something
// was away.
func wasAway(p corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
		return c.State.Terminated != nil && c.State.Terminated.ExitCode == contract.ExitAgain && ours(c.Name)
	})
}
