package node

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func main0(p *corev1.Pod) corev1.ContainerStatus {
	if p == nil || len(p.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return p.Status.ContainerStatuses[0]
}

func TestContainer_FailingOneIsRestartedAtOnceAndThenBacksOff(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "all", "print", "again", "then", "exit", "1")
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	w.create(p)
	got := w.await("one", "backing off", func(p *corev1.Pod) bool {
		s := main0(p)
		return s.RestartCount >= 2 && s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff"
	})
	if s := main0(got); s.LastTerminationState.Terminated == nil || s.LastTerminationState.Terminated.ExitCode != 1 || got.Status.Phase != corev1.PodRunning {
		t.Errorf("got %s", describe(got))
	}
	w.awaitEvent(reasonBackOff, "Back-off restarting failed container main in pod one_default(uid-one)")
}

func TestContainer_OnFailureRestartsUntilSuccess(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "flaky", "/data/tried")
	p.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	w.create(p)
	got := w.awaitPhase("one", corev1.PodSucceeded)
	if s := main0(got); s.RestartCount != 1 || w.logs(got, "main", 0) != "first\n" || w.logs(got, "main", 1) != "second\n" {
		t.Errorf("got %s", describe(got))
	}
}

func TestContainer_EntrypointThatIsNotThereIsToldAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	p := podOf("one")
	p.Spec.Containers[0].Command = []string{"/nothing"}
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	w.create(p)
	w.await("one", "refused", func(p *corev1.Pod) bool {
		s := main0(p)
		return s.State.Waiting != nil && s.State.Waiting.Reason == "RunContainerError" && strings.Contains(s.State.Waiting.Message, "/nothing")
	})
	p = podOf("two")
	p.Spec.Containers[0].Command = []string{"/nothing"}
	w.create(p)
	got := w.awaitPhase("two", corev1.PodFailed)
	if s := main0(got).State.Terminated; s == nil || s.Reason != "StartError" || s.ExitCode != 128 {
		t.Errorf("got %s", describe(got))
	}
}

func TestContainer_MissingImageIsToldAndAskedForAgain(t *testing.T) {
	w := newWorld(t)
	p := podOf("one")
	p.Spec.Containers[0].Image = "nowhere"
	w.create(p)
	got := w.await("one", "backing off", func(p *corev1.Pod) bool {
		s := main0(p)
		return s.State.Waiting != nil && s.State.Waiting.Reason == "ImagePullBackOff"
	})
	if m := main0(got).State.Waiting.Message; !strings.Contains(m, `failed to pull image "nowhere": nowhere: not found`) {
		t.Errorf("got %q", m)
	}
	w.awaitEvent(reasonFailed, `Failed to pull image "nowhere"`)
	w.delete("one", 1)
	w.awaitGone("one")
}

func TestContainer_MissingConfigMapHoldsItUntilItIsThere(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "env")
	p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "words"}}}}
	w.create(p)
	w.await("one", "waiting", func(p *corev1.Pod) bool {
		s := main0(p)
		return s.State.Waiting != nil && s.State.Waiting.Reason == "CreateContainerConfigError" && strings.Contains(s.State.Waiting.Message, `"words" not found`)
	})
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "words", Namespace: "default"}, Data: map[string]string{"GREETING": "moin"}}
	if _, err := w.client.CoreV1().ConfigMaps("default").Create(t.Context(), cm, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	got := w.awaitPhase("one", corev1.PodSucceeded)
	if out := w.logs(got, "main", 0); !strings.Contains(out, "GREETING=moin\n") {
		t.Errorf("got %q", out)
	}
}

func TestContainer_InitContainersRunInOrderAndSidecarsStay(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "cat", "/data/a", "/data/b")
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	mounts := []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	p.Spec.Containers[0].VolumeMounts = mounts
	p.Spec.InitContainers = []corev1.Container{
		{Name: "a", Image: "app", Args: []string{"write", "/data/a", "first "}, VolumeMounts: mounts},
		{Name: "side", Image: "app", Args: []string{"serve"}, RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Ports: []corev1.ContainerPort{{ContainerPort: 9000}},
			StartupProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9000)}}}},
		{Name: "b", Image: "app", Args: []string{"all", "cat", "/data/a", "then", "write", "/data/b", "second"}, VolumeMounts: mounts},
	}
	w.create(p)
	got := w.awaitPhase("one", corev1.PodSucceeded)
	if out := w.logs(got, "main", 0); out != "first second" {
		t.Errorf("got %q", out)
	}
	if out := w.logs(got, "side", 0); out != "listening\nbye\n" {
		t.Errorf("sidecar said %q", out)
	}
}

func TestContainer_FailedInitContainerFailsAPodThatMayNotRestart(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "print", "never")
	p.Spec.InitContainers = []corev1.Container{{Name: "a", Image: "app", Args: []string{"exit", "5"}}}
	w.create(p)
	got := w.awaitPhase("one", corev1.PodFailed)
	if s := main0(got); s.State.Waiting == nil {
		t.Errorf("got %s", describe(got))
	}
}

func TestContainer_LivenessProbeRestartsWhatIsSick(t *testing.T) {
	w := newWorld(t)
	p := serving("one")
	p.Spec.Containers[0].LivenessProbe = &corev1.Probe{
		PeriodSeconds: 1, FailureThreshold: 1,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromInt32(8080)}},
	}
	w.create(p)
	get(t, w.awaitReady("one"), "/sicken")
	w.await("one", "restarted", func(p *corev1.Pod) bool { return main0(p).RestartCount == 1 && ready(p) })
	w.awaitEvent(reasonUnhealthy, "Liveness probe failed: HTTP probe failed with statuscode: 500: sick")
	w.awaitEvent(reasonKilling, "failed liveness probe, will be restarted")
}

func TestContainer_ExecProbeRunsInTheContainer(t *testing.T) {
	w := newWorld(t)
	p := podOf("one", "all", "write", "/tmp/up", "1", "then", "sleep")
	p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/app", "cat", "/tmp/up"}}}}
	w.create(p)
	w.awaitReady("one")
}

func TestContainer_PreStopComesBeforeTheSignalAndForceAfterTheGrace(t *testing.T) {
	w := newWorld(t)
	p := serving("hooked")
	p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/stop-hook", Port: intstr.FromInt32(8080)}}}
	p.Spec.RestartPolicy = corev1.RestartPolicyNever
	p.Spec.ActiveDeadlineSeconds = new(int64(1))
	w.create(p)
	got := w.awaitPhase("hooked", corev1.PodFailed)
	if out := w.logs(got, "main", 0); out != "listening\nhooked\nbye\n" || got.Status.Reason != "DeadlineExceeded" {
		t.Errorf("got %q, %s", out, describe(got))
	}
	w.create(podOf("deaf", "deaf"))
	w.await("deaf", "running", func(p *corev1.Pod) bool { return main0(p).State.Running != nil })
	w.awaitLog("deaf", "deaf")
	begun := time.Now()
	w.delete("deaf", 1)
	w.awaitGone("deaf")
	if took := time.Since(begun); took < time.Second || took > 4*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestContainer_LastWordsAreItsFileOrItsLog(t *testing.T) {
	w := newWorld(t)
	p := podOf("file", "write", "/dev/termination-log", "goodbye")
	w.create(p)
	if s := main0(w.awaitPhase("file", corev1.PodSucceeded)); s.State.Terminated.Message != "goodbye" {
		t.Errorf("got %+v", s.State.Terminated)
	}
	p = podOf("log", "all", "print", "oh no", "then", "exit", "1")
	p.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	w.create(p)
	if s := main0(w.awaitPhase("log", corev1.PodFailed)); s.State.Terminated.Message != "oh no\n" {
		t.Errorf("got %+v", s.State.Terminated)
	}
}
