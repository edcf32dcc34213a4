package jobs

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/schema/contract"
)

// run is a pod of the build app.
func run(namespace, name, version string, created time.Time) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, ResourceVersion: version, CreationTimestamp: metav1.NewTime(created),
		Labels: map[string]string{contract.LabelBuild: "app", batchv1.JobNameLabel: name},
	}}
}

func TestLogs_AreThoseOfTheNewestRun(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		pods []*corev1.Pod
		stop string // the Job that was told to end
		want string
		err  string
	}{
		{name: "by creation", pods: []*corev1.Pod{run("default", "z", "900", noon), run("default", "a", "100", noon.Add(time.Second))}, want: "a"},
		{name: "two in one second", pods: []*corev1.Pod{run("default", "z", "99", noon), run("default", "a", "100", noon)}, want: "a"},
		{name: "superseded within a second", pods: []*corev1.Pod{run("default", "z", "900", noon), run("default", "a", "100", noon)}, stop: "z", want: "a"},
		{name: "none", err: "no run of a build app is left"},
		{name: "in two namespaces", pods: []*corev1.Pod{run("default", "a", "1", noon), run("shop", "b", "2", noon)}, err: "write NAMESPACE/app"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := fake.NewClientset()
			if tt.stop != "" {
				job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: tt.stop,
					Labels: map[string]string{contract.LabelBuild: "app"}, Annotations: map[string]string{contract.AnnotationStop: "superseded"}}}
				if err := client.Tracker().Add(job); err != nil {
					t.Fatal(err)
				}
			}
			for _, pod := range tt.pods {
				if err := client.Tracker().Add(pod); err != nil {
					t.Fatal(err)
				}
			}
			pod, err := Logs{Client: client, Name: "app"}.newest(t.Context())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || pod.Name != tt.want {
				t.Errorf("%v, %v; want %s", pod, err, tt.want)
			}
		})
	}
}
