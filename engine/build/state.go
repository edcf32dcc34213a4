package build

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Phase is how far a run is.
type Phase int

const (
	// Absent: there is no Job.
	Absent Phase = iota
	// Running: it has begun, or waits to begin.
	Running
	// Succeeded and Failed are its ends.
	Succeeded
	Failed
)

// State is what the cluster knows of a run.
type State struct {
	Phase Phase
	// Image is what was published, with its digest; empty if the build names
	// no image, or has not succeeded.
	Image string
	// Reason is in Knative's words: Building, BuildTimeout, BuildCancelled,
	// BuildExecuteFailed.
	Reason string
	// Message is for people: which step, and its last lines if it failed.
	Message string
	// Endless: it has failed, and Kubernetes would try it again without end: its
	// Job has to be stopped, with StopFailed.
	Endless bool
}

// StopFailed is the mark that ends a Job whose run has failed by itself.
const StopFailed = "failed"

// Result is the mark that says what a run that succeeded has published.
func (s State) Result() string {
	switch {
	case s.Phase != Succeeded:
		return ""
	case s.Image == "":
		return noImage
	}
	return s.Image
}

// noImage is the mark of a run that published nothing.
const noImage = "none"

// Read judges a run by its Job and the Job's pods. A nil Job is none.
func Read(job *plan.Object, pods []*plan.Object) State {
	if job == nil {
		return State{}
	}
	switch result := job.Annotations[contract.AnnotationResult]; result {
	case "":
	case noImage:
		return State{Phase: Succeeded}
	default:
		return State{Phase: Succeeded, Image: result}
	}
	name := job.Labels[contract.LabelBuild]
	stop := job.Annotations[contract.AnnotationStop]
	if stop == StopFailed {
		stop = ""
	}
	if pod, ok := newest(pods); ok {
		return triedAgain(job, pod, readPod(pod, name, stop))
	}
	return readJob(job, stop)
}

// newest is the pod that was created last.
func newest(pods []*plan.Object) (corev1.Pod, bool) {
	var all []corev1.Pod
	for _, o := range pods {
		var p corev1.Pod
		if json.Unmarshal(o.JSON, &p) == nil {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return corev1.Pod{}, false
	}
	return slices.MaxFunc(all, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) }), true
}

// readJob judges a run that has no pod: not yet, or no more.
func readJob(job *plan.Object, stop string) State {
	var j batchv1.Job
	if err := json.Unmarshal(job.JSON, &j); err != nil {
		return State{Phase: Failed, Reason: "Unreadable", Message: err.Error()}
	}
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return State{Phase: Failed, Reason: executeFailed, Message: "its pod is gone before it said what it published; to build again: kubectl -n " + job.ID.Namespace + " delete job " + job.ID.Name}
		case batchv1.JobFailed:
			return ended(stop, c.Reason+": "+c.Message)
		case batchv1.JobSuspended: // it was stopped before it had a pod
			return ended(stop, "its Job is suspended; to build: kubectl -n "+job.ID.Namespace+" delete job "+job.ID.Name)
		}
	}
	return State{Phase: Running, Reason: building, Message: "waits for its pod"}
}

// JobEnd is how a Job that is no build's came to its end, in Kubernetes' words;
// Absent until then.
func JobEnd(job *plan.Object) (Phase, string) {
	var j struct{ Status batchv1.JobStatus }
	if err := json.Unmarshal(job.JSON, &j); err != nil {
		return Failed, err.Error()
	}
	for _, c := range j.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			return Succeeded, ""
		case c.Type == batchv1.JobFailed:
			return Failed, c.Reason + ": " + c.Message
		}
	}
	return Absent, ""
}

const (
	building      = "Building"
	executeFailed = "BuildExecuteFailed"
	cancelled     = "BuildCancelled"
	timedOut      = "BuildTimeout"
)

// ended is a run that failed for no step's own fault.
func ended(stop, message string) State {
	if stop != "" {
		return State{Phase: Failed, Reason: cancelled, Message: stop}
	}
	return State{Phase: Failed, Reason: executeFailed, Message: message}
}

// readPod judges a run by its containers.
func readPod(p corev1.Pod, name, stop string) State {
	steps := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	total, done := len(p.Spec.InitContainers)+len(p.Spec.Containers), 0
	current := ""
	for _, s := range steps {
		switch t := s.State.Terminated; {
		case t != nil && t.ExitCode == 0:
			done++
			if s.Name == contract.StepResult {
				return published(t.Message)
			}
		case t != nil && p.Status.Reason != "DeadlineExceeded" && stop == "":
			return State{Phase: Failed, Reason: executeFailed, Message: failure(s, t, name)}
		case t != nil || s.State.Running != nil:
			current = s.Name
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return overtaken(p, current, name, stop)
	}
	return State{Phase: Running, Reason: building, Message: progress(steps, done, total)}
}

// overtaken is a pod that was ended from outside.
func overtaken(p corev1.Pod, current, name, stop string) State {
	in := ""
	if current != "" {
		in = fmt.Sprintf(" in step %q", stepName(current))
	}
	switch {
	case stop != "":
		return State{Phase: Failed, Reason: cancelled, Message: stop + in}
	case p.Status.Reason == "DeadlineExceeded":
		limit := int64(0)
		if p.Spec.ActiveDeadlineSeconds != nil {
			limit = *p.Spec.ActiveDeadlineSeconds
		}
		return State{
			Phase: Failed, Reason: timedOut, Message: fmt.Sprintf("took longer than %ds%s; %s", limit, in, logsHint(name, current)),
			Endless: current == "", // no exit code of a step tells Kubernetes
		}
	}
	return ended("", strings.TrimSpace(p.Status.Reason+": "+p.Status.Message)+in)
}

// published reads what the last container says.
func published(message string) State {
	var r contract.BuildResult
	if message != "" && json.Unmarshal([]byte(message), &r) != nil {
		return State{Phase: Failed, Reason: executeFailed, Message: "the last container did not say what it published"}
	}
	return State{Phase: Succeeded, Image: r.Image}
}

// progress says which step is under way.
func progress(steps []corev1.ContainerStatus, done, total int) string {
	for _, s := range steps {
		if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" && w.Message != "" {
			return fmt.Sprintf("step %q (%d of %d) cannot begin: %s: %s", stepName(s.Name), done+1, total, w.Reason, w.Message)
		}
		if s.State.Running != nil {
			return fmt.Sprintf("step %q (%d of %d) is running", stepName(s.Name), done+1, total)
		}
	}
	return fmt.Sprintf("%d of %d steps are done", done, total)
}

// failure says what a step that failed said last.
func failure(s corev1.ContainerStatus, t *corev1.ContainerStateTerminated, name string) string {
	text := fmt.Sprintf("build step %q exited with code %d", stepName(s.Name), t.ExitCode)
	if last := lastLines(t.Message); last != "" {
		text += ": " + last
	}
	return text + "; " + logsHint(name, s.Name)
}

func logsHint(name, container string) string {
	hint := "for logs run: sluice logs build " + name
	if container != "" {
		hint += " --step " + stepName(container)
	}
	return hint
}

func stepName(container string) string { return strings.TrimPrefix(container, contract.StepPrefix) }

// lastLines is the end of a log, fit for a status: at most 10 lines and 1,000 bytes.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-10):]
	text = strings.Join(lines, "\n")
	if over := len(text) - 1000; over > 0 {
		text = "..." + strings.ToValidUTF8(text[over:], "")
	}
	return text
}
