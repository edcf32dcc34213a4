package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/schema/contract"
)

// freeAddress is a host:port that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func deployment(name string) *appsv1.Deployment {
	no := false
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
					Containers: []corev1.Container{{
						Name: "app", Image: "local.dev/app:v1", Ports: []corev1.ContainerPort{{ContainerPort: 8080}},
						Env: []corev1.EnvVar{{Name: "NAME", Value: name}},
					}},
				},
			},
		},
	}
}

func apply(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if _, err := client.AppsV1().Deployments("default").Create(t.Context(), deployment(name), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// answers waits until the app of a Deployment says its name.
func answers(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	last := "no pod"
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		pods, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range pods.Items {
			if last = get(&pod); last == "I am "+name {
				return
			}
		}
	}
	t.Fatalf("%s: %s", name, last)
}

// get asks a pod where it says that it listens.
func get(pod *corev1.Pod) string {
	ports := map[string]int{}
	if err := json.Unmarshal([]byte(pod.Annotations[contract.AnnotationPorts]), &ports); err != nil || pod.Status.PodIP == "" {
		return fmt.Sprintf("%s is %s: %+v", pod.Name, pod.Status.Phase, pod.Status.ContainerStatuses)
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(fmt.Sprintf("http://%s:%d", pod.Status.PodIP, ports["8080"]))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

func buildApp(t *testing.T, dir string) {
	t.Helper()
	out, complaint, code := try(t, "image", "build", "testdata/app", "--tag", "app:v1", "--dir", dir, "-o", "json")
	if code != 0 || !strings.Contains(out, `"name": "local.dev/app:v1"`) {
		t.Fatalf("image build: code %d: %s%s", code, out, complaint)
	}
}

func TestUp_RunsAppsSideBySideAndResumes(t *testing.T) {
	base := t.TempDir()
	one, two := filepath.Join(base, "one"), filepath.Join(base, "two")
	buildApp(t, one) // before the cluster runs
	first := start(t, one, freeAddress(t))
	second := start(t, two, freeAddress(t))
	buildApp(t, two) // while it runs
	apply(t, first.client(), "here")
	apply(t, second.client(), "there")
	answers(t, first.client(), "here")
	answers(t, second.client(), "there")

	begun := descendants(first.cmd.Process.Pid)
	if len(begun) == 0 {
		t.Error("no process runs the pod")
	}
	if code := first.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0: %s", code, first.said())
	}
	for pid := range begun {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	answers(t, second.client(), "there") // the other one does not care

	again := start(t, one, freeAddress(t))
	answers(t, again.client(), "here")
	again.end(syscall.SIGKILL)
	afterKill := start(t, one, freeAddress(t))
	answers(t, afterKill.client(), "here")
	if code := afterKill.end(os.Interrupt); code != 0 {
		t.Errorf("exit code %d after SIGINT, want 0: %s", code, afterKill.said())
	}
}

func TestUp_RefusesWhatIsInUse(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, complaint, code := try(t, "up", "--no-platform", "--dir", dir, "--http", taken.Addr().String())
	for _, want := range []string{taken.Addr().String(), fmt.Sprintf("by process %d", os.Getpid()), "--http 127.0.0.1:"} {
		if code != 1 || !strings.Contains(complaint, want) {
			t.Errorf("code %d, %q; want 1 and %q", code, complaint, want)
		}
	}
	l := start(t, dir, freeAddress(t))
	_, complaint, code = try(t, "up", "--no-platform", "--dir", dir, "--http", freeAddress(t))
	for _, want := range []string{dir, fmt.Sprintf("process %d", l.cmd.Process.Pid), "--dir"} {
		if code != 1 || !strings.Contains(complaint, want) {
			t.Errorf("code %d, %q; want 1 and %q", code, complaint, want)
		}
	}
}

func TestUp_IsAClusterThatOnlyItsOwnerCanUse(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, freeAddress(t))
	if info, err := os.Stat(filepath.Join(dir, "kubeconfig")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig: %v, %v; want mode 0600", info.Mode(), err)
	}
	out, complaint, code := try(t, "kubectl", "--dir", dir, "get", "crd", "-o", "name")
	for _, want := range []string{"virtualservices", "gateways", "destinationrules"} {
		if code != 0 || !strings.Contains(out, want+".networking.istio.io") {
			t.Errorf("kubectl get crd: code %d: %s%s; want %s", code, out, complaint, want)
		}
	}
	out, complaint, code = try(t, "kubectl", "--dir", dir, "auth", "can-i", "--list", "--as", "nobody", "-n", "default")
	if code != 0 || strings.Contains(out, "pods") {
		t.Errorf("a user without roles may: %s%s", out, complaint)
	}
	server, _, _ := try(t, "kubectl", "--dir", dir, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
	stranger := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := stranger.Get(server + "/api")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without credentials: %s, want 401", resp.Status)
	}
	buildApp(t, dir)
	measureBinding(t, l)
}

// measureBinding logs how long it takes from a Deployment's creation until its
// pod has a node.
func measureBinding(t *testing.T, l *local) {
	t.Helper()
	client := l.client()
	pods, err := client.CoreV1().Pods("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer pods.Stop()
	var took []time.Duration
	for i := range 15 {
		name := fmt.Sprintf("bind%d", i)
		began := time.Now()
		apply(t, client, name)
		awaitBound(t, pods, name)
		took = append(took, time.Since(began))
		answers(t, client, name) // so that the next one has the machine to itself
	}
	slices.Sort(took)
	t.Logf("deployment created to pod bound: p50 %v, worst %v; resident %s", took[len(took)/2].Round(time.Millisecond/10), took[len(took)-1].Round(time.Millisecond/10), l.resident())
}

func awaitBound(t *testing.T, pods watch.Interface, name string) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-pods.ResultChan():
			if pod, isPod := e.Object.(*corev1.Pod); !ok || isPod && pod.Labels["app"] == name && pod.Spec.NodeName != "" {
				return
			}
		case <-patience:
			t.Fatalf("%s: no pod was bound", name)
		}
	}
}

func TestMain_SaysWhatToTypeInstead(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"unknown flag", []string{"up", "--prot", "1"}, 2, "sluice-local up --help"},
		{"argument too many", []string{"up", "x"}, 2, "wants no arguments"},
		{"node that never was", []string{"up", "--node", "x"}, 1, "there are: process, kubelet"},
		{"repository that is not there", []string{"up", "--dir", dir, "--repo", filepath.Join(dir, "none")}, 1, "no such directory"},
		{"sluice that is not there", []string{"up", "--dir", dir, "--sluice", filepath.Join(dir, "none")}, 1, "make build"},
		{"image without a name", []string{"image", "build", "testdata/app", "--dir", dir}, 2, "want NAME or NAME:TAG"},
		{"image of no folder", []string{"image", "build", "--tag", "x"}, 2, "wants one folder"},
		{"image of no program", []string{"image", "build", "crds", "--tag", "x", "--dir", dir}, 1, "want the folder of a main package"},
		{"unknown output", []string{"image", "list", "-o", "xml", "--dir", dir}, 2, "there is json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, complaint, code := try(t, tt.args...); code != tt.code || !strings.Contains(complaint, tt.says) {
				t.Errorf("code %d, %q; want %d and %q", code, complaint, tt.code, tt.says)
			}
		})
	}
}
