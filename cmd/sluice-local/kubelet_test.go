package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/cmd/sluice-local/machine"
	"github.com/sluice-dev/sluice/cmd/sluice-local/network"
)

// needMachine skips a test where the machine cannot be a node with containers,
// or is one already.
func needMachine(t *testing.T) {
	t.Helper()
	if _, err := machine.Find(); err != nil {
		t.Skip(err)
	}
	claim, err := machine.Take(t.TempDir())
	if err != nil {
		t.Skip(err)
	}
	if err := claim.Release(true); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a folder for a cluster; those of tests have names too long for
// the path of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// box runs an app in a container and returns where it answers.
func box(t *testing.T, client kubernetes.Interface) (url string) {
	t.Helper()
	apply(t, client, "boxed")
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "boxed"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "boxed"}, Ports: []corev1.ServicePort{{Port: 8080}},
	}}
	made, err := client.CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + made.Spec.ClusterIP + ":8080"
	says(t, url, "I am boxed")
	return url
}

// awaitTop waits until the cluster says what a pod uses. The kubelet looks at its
// containers every ten seconds or so.
func awaitTop(t *testing.T, dir, pod string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, complaint, code := try(t, "kubectl", "--dir", dir, "top", "pods")
		if code == 0 && strings.Contains(out, pod) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("kubectl top pods: code %d: %s%s", code, out, complaint)
		}
	}
}

func TestUp_RunsRealContainersAndLeavesTheMachineAsItWas(t *testing.T) {
	needMachine(t)
	dir := shortDir(t)
	buildApp(t, dir)
	before := traces(t, dir)
	l := start(t, dir, freeAddress(t), "--node", "kubelet")
	url := box(t, l.client())
	out, complaint, code := try(t, "kubectl", "--dir", dir, "exec", "deploy/boxed", "--", "/app", "get", "http://boxed.default.svc.cluster.local:8080")
	if code != 0 || !strings.Contains(out, "I am boxed") {
		t.Errorf("from a pod, by name: code %d: %s%s", code, out, complaint)
	}
	for _, nobody := range []string{"10.244.255.254:8080", "10.96.255.254:8080"} { // else the world hears of it
		if _, err := net.DialTimeout("tcp", nobody, 10*time.Second); !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("%s, which nobody has: %v, want it refused at once", nobody, err)
		}
	}
	awaitTop(t, dir, "boxed-")
	pods := podUIDs(t, l)

	l.end(syscall.SIGKILL)
	says(t, url, "I am boxed") // pods need no cluster
	if _, complaint, code := try(t, "up", "--no-platform", "--node", "kubelet", "--dir", shortDir(t), "--http", freeAddress(t)); code != 1 || !strings.Contains(complaint, "the cluster in "+dir+" was killed") {
		t.Errorf("another cluster: code %d: %s", code, complaint)
	}
	l = start(t, dir, freeAddress(t), "--node", "kubelet")
	if _, complaint, code := try(t, "down"); code != 1 || !strings.Contains(complaint, "the cluster runs") {
		t.Errorf("down, of one that runs: code %d: %s", code, complaint)
	}
	if again := podUIDs(t, l); again != pods {
		t.Errorf("pods %s, then %s", pods, again)
	}
	if code := l.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0: %s", code, l.said())
	}
	if after := traces(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestDown_EndsWhatAKilledClusterLeft(t *testing.T) {
	needMachine(t)
	if out, complaint, code := try(t, "down"); code != 0 || !strings.Contains(out, "nothing is left") {
		t.Errorf("nothing: code %d: %s%s", code, out, complaint)
	}
	for _, folder := range []string{"kept", "lost"} {
		t.Run("with its folder "+folder, func(t *testing.T) {
			dir := shortDir(t)
			buildApp(t, dir)
			before := traces(t, dir)
			l := start(t, dir, freeAddress(t), "--node", "kubelet")
			box(t, l.client())
			l.end(syscall.SIGKILL)
			if folder == "lost" {
				_ = os.RemoveAll(dir) // all that nothing is mounted on
			}
			if out, complaint, code := try(t, "down"); code != 0 || !strings.Contains(out, dir+" are ended") {
				t.Errorf("code %d: %s%s", code, out, complaint)
			}
			if after := traces(t, dir); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// says waits until somebody answers as wanted.
func says(t *testing.T, url, want string) {
	t.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	last := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := client.Get(url)
		if err != nil {
			last = err.Error()
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if last = string(text); last == want {
			return
		}
	}
	t.Fatalf("%s: %s, want %s", url, last, want)
}

func podUIDs(t *testing.T, l *local) string {
	t.Helper()
	pods, err := l.client().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var uids []string
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			uids = append(uids, fmt.Sprintf("%s (restarts %d)", p.UID, c.RestartCount))
		}
	}
	return strings.Join(uids, " ")
}

// traces is what of a cluster can be seen on the machine from outside of its
// folder.
func traces(t *testing.T, dir string) string {
	t.Helper()
	var seen []string
	for _, table := range []string{"iptables-save", "ip6tables-save"} {
		out, err := exec.Command(table).Output()
		if err != nil {
			continue // there is no IPv6
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "KUBE-") || strings.Contains(line, "SLUICE-") {
				seen = append(seen, strings.TrimSpace(line))
			}
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(routes)) {
		if strings.HasPrefix(line, "*") { // of no link
			seen = append(seen, strings.TrimSpace(line))
		}
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) {
			seen = append(seen, strings.TrimSpace(line))
		}
	}
	for _, pattern := range []string{
		"/sys/class/net/" + network.LinkName, "/sys/class/net/veth*", "/sys/fs/cgroup/k8s.io", "/sys/fs/cgroup/*/k8s.io", "/run/netns/cni-*",
		"/run/sluice-local/unclean", "/run/containerd/s/*", "/var/log/containers/*", "/var/lib/cni/*", "/var/lib/kubelet/*",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, paths...)
	}
	seen = append(seen, processes(t, dir)...)
	return strings.Join(seen, "\n")
}

// processes are those that have the folder's name among their arguments.
func processes(t *testing.T, dir string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if args, err := os.ReadFile(f); err == nil && strings.Contains(string(args), dir) {
			found = append(found, strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return found
}
