package build_test

import (
	"encoding/json"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// object is a live object of anything.
func object(t *testing.T, kind string, v any, annotations map[string]string) *plan.Object {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Object{
		ID: manifest.ID{Kind: kind, Namespace: "default", Name: "x"}, JSON: b,
		Labels: map[string]string{contract.LabelBuild: "app"}, Annotations: annotations,
	}
}

func ended(name string, code int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}}}
}

func TestRead_TellsHowARunStands(t *testing.T) {
	running := corev1.ContainerStatus{Name: "build-step-build", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	pulling := corev1.ContainerStatus{Name: "build-step-build", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"}}}
	long := strings.Repeat("line\n", 40) + "the end"
	limit := int64(600)
	pod := func(phase corev1.PodPhase, reason string, all ...corev1.ContainerStatus) *corev1.Pod {
		p := &corev1.Pod{Status: corev1.PodStatus{Phase: phase, Reason: reason, InitContainerStatuses: all}}
		p.Spec.InitContainers, p.Spec.Containers, p.Spec.ActiveDeadlineSeconds = make([]corev1.Container, 3), make([]corev1.Container, 1), &limit
		return p
	}
	over := batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "gone"}}}}
	for _, c := range []struct {
		name  string
		job   batchv1.Job
		marks map[string]string
		pod   *corev1.Pod
		want  build.State
	}{
		{name: "it waits for its pod", want: build.State{Phase: build.Running, Reason: "Building", Message: "waits for its pod"}},
		{
			name: "a step is running", pod: pod(corev1.PodPending, "", ended("build-step-credential-initializer", 0, ""), running),
			want: build.State{Phase: build.Running, Reason: "Building", Message: `step "build" (2 of 4) is running`},
		},
		{
			name: "an image cannot be had", pod: pod(corev1.PodPending, "", pulling),
			want: build.State{Phase: build.Running, Reason: "Building", Message: `step "build" (1 of 4) cannot begin: ErrImagePull: no such image`},
		},
		{
			name: "a step has failed", pod: pod(corev1.PodFailed, "", ended("build-step-build", 2, "main.go:3: undefined: x\n")),
			want: build.State{Phase: build.Failed, Reason: "BuildExecuteFailed", Message: `build step "build" exited with code 2: main.go:3: undefined: x; for logs run: sluice logs build app --step build`},
		},
		{
			name: "it took too long", pod: pod(corev1.PodFailed, "DeadlineExceeded", ended("build-step-build", 137, long)),
			want: build.State{Phase: build.Failed, Reason: "BuildTimeout", Message: `took longer than 600s in step "build"; for logs run: sluice logs build app --step build`},
		},
		{
			name: "it took too long before it began", pod: pod(corev1.PodFailed, "DeadlineExceeded", pulling), marks: map[string]string{contract.AnnotationStop: build.StopFailed},
			want: build.State{Phase: build.Failed, Reason: "BuildTimeout", Message: `took longer than 600s; for logs run: sluice logs build app`, Endless: true},
		},
		{
			name: "a registry is away", pod: pod(corev1.PodFailed, "", ended("build-step-build", 0, ""), ended(contract.StepResult, contract.ExitAgain, "connection refused")),
			want: build.State{Phase: build.Running, Reason: "Building", Message: `build step "result" exited with code 75: connection refused; for logs run: sluice logs build app --step result; trying again`},
		},
		{
			name: "a registry was away too long", job: over, pod: pod(corev1.PodFailed, "", ended("build-step-build", 0, ""), ended(contract.StepResult, contract.ExitAgain, "connection refused")),
			want: build.State{Phase: build.Failed, Reason: "BuildExecuteFailed", Message: `build step "result" exited with code 75: connection refused; for logs run: sluice logs build app --step result; it was tried again for a while; to build once more: kubectl -n default delete job x`},
		},
		{
			name: "a step of the user's has that code", pod: pod(corev1.PodFailed, "", ended("build-step-build", contract.ExitAgain, "no")),
			want: build.State{Phase: build.Failed, Reason: "BuildExecuteFailed", Message: `build step "build" exited with code 75: no; for logs run: sluice logs build app --step build`},
		},
		{
			name: "it was cancelled", marks: map[string]string{contract.AnnotationStop: "the build was cancelled"}, pod: pod(corev1.PodFailed, "DeadlineExceeded", ended("build-step-build", 137, "")),
			want: build.State{Phase: build.Failed, Reason: "BuildCancelled", Message: `the build was cancelled in step "build"`},
		},
		{
			name: "it has published", pod: pod(corev1.PodRunning, "", ended("build-step-build", 0, ""), ended(contract.StepResult, 0, `{"image":"a@sha256:feed"}`)),
			want: build.State{Phase: build.Succeeded, Image: "a@sha256:feed"},
		},
		{
			name: "it did not say what", pod: pod(corev1.PodSucceeded, "", ended(contract.StepResult, 0, "nonsense")),
			want: build.State{Phase: build.Failed, Reason: "BuildExecuteFailed", Message: "the last container did not say what it published"},
		},
		{name: "the mark outlives the pod", marks: map[string]string{contract.AnnotationResult: "a@sha256:feed"}, want: build.State{Phase: build.Succeeded, Image: "a@sha256:feed"}},
		{name: "nothing was to be published", marks: map[string]string{contract.AnnotationResult: "none"}, want: build.State{Phase: build.Succeeded}},
		{name: "its pod is gone", job: over, want: build.State{Phase: build.Failed, Reason: "BuildExecuteFailed", Message: "BackoffLimitExceeded: gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pods []*plan.Object
			if c.pod != nil {
				pods = append(pods, object(t, "Pod", c.pod, nil))
			}
			if got := build.Read(object(t, "Job", c.job, c.marks), pods); got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
	if got := build.Read(nil, nil); got.Phase != build.Absent {
		t.Errorf("no Job is %+v", got)
	}
	if got := build.Read(object(t, "Job", batchv1.Job{}, nil), []*plan.Object{object(t, "Pod", pod(corev1.PodFailed, "", ended("build-step-build", 1, long)), nil)}); strings.Count(got.Message, "line") != 9 {
		t.Errorf("want the last ten lines: %q", got.Message)
	}
}

// A Job's marks are all that ever changes, and its digest is theirs: nothing
// is written because the commit, the sluice image or the cache moved.
func TestJob_ChangesWithItsMarksAlone(t *testing.T) {
	r := build.Resolved{Inputs: strings.Repeat("0123456789abcdef", 4)}
	r.Task.Name, r.Task.Namespace = "app", "default"
	id := schema.Identity{Kind: "Build", Name: "app"}
	first, err := build.Job(r, installation, "one", false, build.Marks{}, id, "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	other := installation
	other.Image, other.Source, other.Cache = "new", "http://elsewhere", ""
	later, err := build.Job(r, other, "two", true, build.Marks{}, id, "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest != later.Digest || !strings.Contains(string(first.JSON), `"spec"`) || strings.Contains(string(later.JSON), `"spec"`) {
		t.Errorf("digests %s and %s of\n%s\n%s", first.Digest, later.Digest, first.JSON, later.JSON)
	}
	marked, err := build.Job(r, other, "two", true, build.Marks{Result: "a@sha256:feed"}, id, "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if marked.Digest == later.Digest {
		t.Error("a mark changes nothing")
	}
}

func TestJobID_FitsWhatKubernetesAddsToIt(t *testing.T) {
	r := build.Resolved{Inputs: strings.Repeat("f", 64)}
	r.Task.Name = strings.Repeat("long-", 12) + "abc"
	a := build.JobID(r)
	r.Inputs = strings.Repeat("e", 64)
	b := build.JobID(r)
	if len(a.Name) > 57 || a.Name == b.Name {
		t.Errorf("%q and %q", a.Name, b.Name)
	}
}
