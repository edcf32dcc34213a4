package usage

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func podOf(namespace, name, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}},
	}
}

// ask is a question to a server whose source knows default/a alone.
func ask(t *testing.T, path string, into any) int {
	t.Helper()
	client := fake.NewClientset(
		podOf("default", "a", "one"), podOf("default", "b", "two"), podOf("other", "a", "one"),
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "local", Labels: map[string]string{"zone": "z"}}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "gone"}},
	)
	s := New(Config{Source: &counter{}, Client: client, Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, root+path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w.Code
}

func TestServer_ListsPodsThatRunAndAreSelected(t *testing.T) {
	for path, want := range map[string][]string{
		"/pods":                    {"default/a"},
		"/namespaces/default/pods": {"default/a"},
		"/namespaces/other/pods":   nil,
		"/namespaces/default/pods?labelSelector=app=one": {"default/a"},
		"/pods?labelSelector=app+in+(two,three)":         nil,
	} {
		var got v1beta1.PodMetricsList
		code := ask(t, path, &got)
		var names []string
		for _, p := range got.Items {
			names = append(names, p.Namespace+"/"+p.Name)
		}
		if code != http.StatusOK || got.Kind != "PodMetricsList" || !slices.Equal(names, want) {
			t.Errorf("%s: %d, %s %v, want %v", path, code, got.Kind, names, want)
		}
	}
}

func TestServer_TellsOfOnePod(t *testing.T) {
	var got v1beta1.PodMetrics
	if code := ask(t, "/namespaces/default/pods/a", &got); code != http.StatusOK || len(got.Containers) != 1 || got.Labels["app"] != "one" {
		t.Errorf("%d, %+v", code, got)
	}
	for _, path := range []string{"/namespaces/default/pods/b", "/namespaces/default/pods/c", "/nodes/gone", "/nodes/never"} {
		var status metav1.Status
		if code := ask(t, path, &status); code != http.StatusNotFound || status.Details.Group != "metrics.k8s.io" {
			t.Errorf("%s: %d, %+v", path, code, status)
		}
	}
}

func TestServer_TellsOfTheNode(t *testing.T) {
	var list v1beta1.NodeMetricsList
	if code := ask(t, "/nodes", &list); code != http.StatusOK || len(list.Items) != 1 || list.Items[0].Name != "local" {
		t.Errorf("%d, %+v", code, list)
	}
	var one v1beta1.NodeMetrics
	if code := ask(t, "/nodes/local", &one); code != http.StatusOK || one.Labels["zone"] != "z" {
		t.Errorf("%d, %+v", code, one)
	}
	var api metav1.APIResourceList
	if code := ask(t, "", &api); code != http.StatusOK || api.Kind != "APIResourceList" || len(api.APIResources) != 2 {
		t.Errorf("%d, %+v", code, api)
	}
}

func TestKubelet_LeavesOutWhatItHasNotLookedAt(t *testing.T) {
	cpu := &stats.CPUStats{Time: metav1.NewTime(start.Add(4e9)), UsageCoreNanoSeconds: new(uint64(2e9))}
	memory := &stats.MemoryStats{WorkingSetBytes: new(uint64(4096))}
	got := readSummary(stats.Summary{
		Node: stats.NodeStats{NodeName: "local", StartTime: metav1.NewTime(start), CPU: cpu, Memory: memory},
		Pods: []stats.PodStats{{
			PodRef:     stats.PodReference{Namespace: "default", Name: "a"},
			Containers: []stats.ContainerStats{{Name: "main", StartTime: metav1.NewTime(start), CPU: cpu, Memory: memory}, {Name: "new", CPU: cpu}},
		}},
	})
	want := use(4e9, 2e9)
	want.Memory = 4096
	if len(got.Containers) != 1 || got.Containers[Container{"default", "a", "main"}] != want || got.Machine != want || got.Node != "local" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
