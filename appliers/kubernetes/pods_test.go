package kubernetes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/engine/plan"
)

func TestTrouble_SaysTheMostItCan(t *testing.T) {
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	exit := func(code int32, reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}}
	}
	for _, c := range []struct {
		name   string
		status corev1.PodStatus
		want   plan.Trouble
	}{
		{"on its way", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: waiting("ContainerCreating", "")}}}, plan.Trouble{}},
		{"ready", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, LastTerminationState: exit(1, "Error", "old")}}}, plan.Trouble{}},
		{"an image that is not there", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: waiting("ErrImagePull", "pull x: not found")}}},
			plan.Trouble{Reason: "ErrImagePull", Message: "container app is waiting: pull x: not found"}},
		{"a container that exits at once", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 3, State: waiting("CrashLoopBackOff", "back-off 40s"), LastTerminationState: exit(2, "Error", "starting\ncannot open /etc/x\n")}}},
			plan.Trouble{Reason: "CrashLoopBackOff", Message: "container app exited with code 2 (3 restarts): cannot open /etc/x"}},
		{"a container that is done", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 1, State: waiting("CrashLoopBackOff", ""), LastTerminationState: exit(0, "Completed", "")}}},
			plan.Trouble{Reason: "CrashLoopBackOff", Message: "container app exited with code 0, but a server must keep running (1 restart)"}},
		{"too little memory", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: exit(137, "OOMKilled", "")}}},
			plan.Trouble{Reason: "OOMKilled", Message: "container app was killed because it used more memory than its limit"}},
		{"an init container", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{Name: "setup", State: exit(1, "Error", "no")}}, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: waiting("PodInitializing", "")}}},
			plan.Trouble{Reason: "Error", Message: "init container setup exited with code 1: no"}},
		{"no node", corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"}}},
			plan.Trouble{Reason: "Unschedulable", Message: "0/3 nodes are available"}},
		{"evicted", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "low on disk"}, plan.Trouble{Reason: "Evicted", Message: "low on disk"}},
		{"not listening", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
			plan.Trouble{Message: "container app runs but does not pass its readiness check yet"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, troubleOf(&corev1.Pod{Status: c.status}).Trouble); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTrouble_OfAPodThatIsNotReadyNamesItsCheck(t *testing.T) {
	port := intstr.FromInt32(8080)
	for _, c := range []struct {
		probe corev1.ProbeHandler
		want  string
	}{
		{corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready?key=secret", Port: port}}, "GET /ready at port 8080"},
		{corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: port}}, "a connection to port 8080"},
		{corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 8080}}, "gRPC health at port 8080"},
		{corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/ready", "--key=secret"}}}, "the command /bin/ready"},
	} {
		pod := &corev1.Pod{
			Spec:   corev1.PodSpec{Containers: []corev1.Container{{Name: "app", ReadinessProbe: &corev1.Probe{ProbeHandler: c.probe}}}},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
		}
		if got, want := troubleOf(pod).Message, "container app runs but does not pass its readiness check yet: "+c.want; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTrouble_OfAPodThatGoesIsNone(t *testing.T) {
	now := metav1.Now()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}, Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}}
	if got := troubleOf(pod); got != (ranked{}) {
		t.Errorf("got %+v", got)
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\nb\x00\xff")
	f.Add(strings.Repeat("ä", 400))
	f.Add(strings.Repeat("\U0001f30a", 2000))
	f.Fuzz(func(t *testing.T, in string) {
		for _, out := range []string{oneLine(in), lastLine(in)} {
			if strings.ContainsAny(out, "\n\r\x00\x1b") || len([]rune(out)) > mostWords+3 || strings.ToValidUTF8(out, "") != out {
				t.Errorf("%q became %q", in, out)
			}
		}
		if out := note(in); len(out) > 1024 || strings.ToValidUTF8(out, "") != out {
			t.Errorf("%q became the note %q", in, out)
		}
	})
}
