package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// patience is how long a test waits for what should come in milliseconds.
const patience = 20 * time.Second

// builtKey hands the built image to a test binary that runs itself as another user.
const builtKey = "NODE_TEST_BUILT"

// imageRoot holds the files of the one image that tests run: the program /app.
var imageRoot string

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimKey); dir != "" {
		beVictim(dir)
	}
	if imageRoot = os.Getenv(builtKey); imageRoot != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		panic(err)
	}
	imageRoot = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "app"), "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreAnyFunction("k8s.io/klog/v2.(*flushDaemon).run.func1")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// oneImage knows the image "app" only.
type oneImage struct{}

func (oneImage) Pull(_ context.Context, ref string) (Image, error) {
	if ref != "app" {
		return Image{}, fmt.Errorf("%s: not found", ref)
	}
	return Image{Ref: "app", Digest: "sha256:abc", Root: imageRoot, Entrypoint: []string{"/app"}, Env: []string{"FROM_IMAGE=yes"}}, nil
}

// quick are waits that a test can live through.
func quick() timing {
	t := realTiming()
	t.restartFirst, t.restartMax = 20*time.Millisecond, 100*time.Millisecond
	t.pullFirst, t.pullMax = 10*time.Millisecond, 50*time.Millisecond
	t.configFirst, t.configMax = 10*time.Second, 10*time.Second // only a change helps
	return t
}

// world is an API and a node that runs against it.
type world struct {
	t      *testing.T
	client kubernetes.Interface
	node   *Node
	dir    string
	stop   func()

	serving tls.Certificate // of the kubelet API
	clients *x509.CertPool
}

func newWorld(t *testing.T, objects ...*corev1.Pod) *world {
	t.Helper()
	client := newClient()
	w := &world{t: t, client: client, dir: t.TempDir()}
	for _, o := range objects {
		w.create(o)
	}
	w.start("")
	return w
}

func config(client kubernetes.Interface, dir string) Config {
	return Config{
		Client: client, IP: "127.77.0.1", PodCIDR: netip.MustParsePrefix("127.77.0.0/16"), Dir: dir,
		Images: oneImage{}, APIServer: "127.0.0.1:6443", Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// start runs a node until the test ends, or stop is called.
func (w *world) start(mode shim.Mode) {
	w.t.Helper()
	cfg := config(w.client, w.dir)
	cfg.Mode, cfg.ServingCert, cfg.ClientCA = mode, w.serving, w.clients
	n, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	n.timing = quick()
	w.node = n
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("node: %v", err)
		}
		_ = shim.Remove(w.dir)
	}
	w.t.Cleanup(func() { w.stop() })
}

func (w *world) create(p *corev1.Pod) {
	w.t.Helper()
	if _, err := w.client.CoreV1().Pods(p.Namespace).Create(w.t.Context(), p, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// await waits until a pod is as it should be. A pod that is gone is nil.
func (w *world) await(name, what string, is func(*corev1.Pod) bool) *corev1.Pod {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	pods := w.client.CoreV1().Pods("default")
	watch, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer watch.Stop()
	for {
		got, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			got = nil
		}
		if is(got) {
			return got
		}
		select {
		case <-watch.ResultChan():
		case <-ctx.Done():
			w.t.Fatalf("pod %s is not %s: %s", name, what, describe(got))
		}
	}
}

func describe(p *corev1.Pod) string {
	if p == nil {
		return "gone"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%+v\n", p.Status.Phase, p.Status.Reason, p.Status.Conditions)
	for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		fmt.Fprintf(&b, "%s\n", c.String())
	}
	return b.String()
}

func (w *world) awaitPhase(name string, phase corev1.PodPhase) *corev1.Pod {
	w.t.Helper()
	return w.await(name, string(phase), func(p *corev1.Pod) bool { return p != nil && p.Status.Phase == phase })
}

func (w *world) awaitReady(name string) *corev1.Pod {
	w.t.Helper()
	return w.await(name, "ready", ready)
}

func ready(p *corev1.Pod) bool {
	if p == nil {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (w *world) awaitGone(name string) {
	w.t.Helper()
	w.await(name, "gone", func(p *corev1.Pod) bool { return p == nil })
}

// delete asks for a pod's end, as the API does with a grace.
func (w *world) delete(name string, grace int64) {
	w.t.Helper()
	pods := w.client.CoreV1().Pods("default")
	p, err := pods.Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	now := metav1.Now()
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &now, &grace
	if _, err := pods.Update(w.t.Context(), p, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// logs is what a run of a container has printed.
func (w *world) logs(p *corev1.Pod, container string, attempt int) string {
	w.t.Helper()
	var b strings.Builder
	path := filepath.Join(w.node.logsDir(), logName(p), container, fmt.Sprintf("%d.log", attempt))
	if err := crilog.Read(w.t.Context(), path, crilog.Query{Tail: -1}, &b); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// awaitEvent waits for an event whose message holds text.
func (w *world) awaitEvent(reason, text string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	events := w.client.CoreV1().Events("default")
	watch, err := events.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer watch.Stop()
	for {
		list, err := events.List(ctx, metav1.ListOptions{})
		if err != nil {
			w.t.Fatalf("no event %s %q: %v", reason, text, err)
		}
		for _, e := range list.Items {
			if e.Reason == reason && strings.Contains(e.Message, text) {
				return
			}
		}
		select {
		case <-watch.ResultChan():
		case <-ctx.Done():
			w.t.Fatalf("no event %s %q", reason, text)
		}
	}
}

// podOf is a pod of one container, "main", that runs the app with args.
func podOf(name string, args ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("uid-" + name)},
		Spec: corev1.PodSpec{
			NodeName: "local", RestartPolicy: corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: new(int64(5)),
			Containers:                    []corev1.Container{{Name: "main", Image: "app", Args: args}},
		},
	}
}

// serving is a pod that serves HTTP on a declared port 8080.
func serving(name string) *corev1.Pod {
	p := podOf(name, "serve")
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}
	p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("http")}}}
	return p
}

// awaitLog waits until the container "main" of a running pod has printed text.
func (w *world) awaitLog(name, text string) {
	w.t.Helper()
	path, live, err := w.node.pod(types.UID("uid-" + name)).containerNamed("main").logOf(false)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var out strings.Builder
	seen := func() {
		if strings.Contains(out.String(), text) {
			cancel()
		}
	}
	if err := crilog.Read(ctx, path, crilog.Query{Tail: -1, Live: live, Flush: seen}, &out); err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(out.String(), text) {
		w.t.Fatalf("%s did not print %q but %q", name, text, out.String())
	}
}

func newClient() kubernetes.Interface { return fake.NewClientset() }
