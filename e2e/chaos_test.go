package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/sluice-dev/sluice/schema/contract"
)

// a healed drift is one that somebody made less than this ago.
const healing = time.Second

var (
	deployments     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services        = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	virtualServices = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}
)

// objects gives the objects of a kind in the namespace default.
func objects(t *testing.T, kind schema.GroupVersionResource) dynamic.ResourceInterface {
	t.Helper()
	client, err := dynamic.NewForConfig(restConfig(t))
	check(t, err)
	return client.Resource(kind).Namespace("default")
}

// of lists the objects of a kind that belong to a service.
func of(t *testing.T, kind schema.GroupVersionResource, service string) []unstructured.Unstructured {
	t.Helper()
	list, err := objects(t, kind).List(t.Context(), metav1.ListOptions{LabelSelector: "serving.knative.dev/service=" + service})
	check(t, err)
	return list.Items
}

// deployed pushes a service and waits until it answers.
func (c clone) deployed(name string) {
	c.t.Helper()
	c.write(name+".yaml", helloService(name, name))
	c.push("Add " + name)
	awaitAnswer(c.t, host(name), hello(name))
	awaitState(c.t, name, "Ready", "")
}

// disturb patches an object as somebody else would, and waits until the engine
// has undone it.
func disturb(t *testing.T, kind schema.GroupVersionResource, name, patch string, fields ...string) {
	t.Helper()
	before, err := objects(t, kind).Get(t.Context(), name, metav1.GetOptions{})
	check(t, err)
	want, _, err := unstructured.NestedFieldNoCopy(before.Object, fields...)
	check(t, err)
	_, err = objects(t, kind).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "somebody"})
	check(t, err)
	began := time.Now()
	awaitFor(t, healing, text(want), func() string {
		now, err := objects(t, kind).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		got, _, _ := unstructured.NestedFieldNoCopy(now.Object, fields...)
		return text(got)
	})
	t.Logf("%s %s healed in %s", kind.Resource, name, time.Since(began).Round(time.Millisecond))
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// disturbBoth changes the Deployment and the VirtualService of a service, in
// ways that its clients do not notice.
func disturbBoth(t *testing.T, name string) {
	t.Helper()
	revision := of(t, deployments, name)[0].GetName()
	route, err := objects(t, virtualServices).Get(t.Context(), name, metav1.GetOptions{})
	check(t, err)
	hosts, _, err := unstructured.NestedStringSlice(route.Object, "spec", "hosts")
	check(t, err)
	disturb(t, virtualServices, name, `{"spec":{"hosts":`+text(append(hosts, "more.example.com"))+`}}`, "spec", "hosts")
	disturb(t, deployments, revision, `{"spec":{"progressDeadlineSeconds":7}}`, "spec", "progressDeadlineSeconds")
}

func TestChaos_DriftIsHealedWithinASecond(t *testing.T) {
	c := newClone(t)
	c.deployed("drifting")
	defer ask(t, host("drifting"), hello("drifting"))()
	disturbBoth(t, "drifting")
	check(t, objects(t, services).Delete(t.Context(), "drifting", metav1.DeleteOptions{}))
	awaitFor(t, healing, "there", func() string {
		if _, err := objects(t, services).Get(t.Context(), "drifting", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return "there"
	})
}

func TestChaos_AForeignObjectIsNotTouched(t *testing.T) {
	c := newClone(t)
	theirs := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
		"metadata": map[string]any{"name": "foreign", "namespace": "default"},
		"spec":     map[string]any{"hosts": []any{"theirs.example.com"}},
	}}
	theirs, err := objects(t, virtualServices).Create(t.Context(), theirs, metav1.CreateOptions{})
	check(t, err)
	t.Cleanup(func() {
		check(t, objects(t, virtualServices).Delete(context.Background(), "foreign", metav1.DeleteOptions{})) //nolint:usetesting // t.Context has ended
	})
	c.write("foreign.yaml", helloService("foreign", "ours"))
	c.deployed("beside")
	awaitState(t, "foreign", "Failed", "VirtualService.networking.istio.io default/foreign")
	awaitEvent(t, "SpecFailed", "default/foreign")
	now, err := objects(t, virtualServices).Get(t.Context(), "foreign", metav1.GetOptions{})
	check(t, err)
	if now.GetResourceVersion() != theirs.GetResourceVersion() {
		t.Errorf("it was written to: %s", text(now))
	}
}

func TestChaos_AVanishedRepositoryLeavesAllAsItIs(t *testing.T) {
	c := newClone(t)
	c.deployed("orphaned")
	defer ask(t, host("orphaned"), hello("orphaned"), hello("found"))()
	putBack := vanish(t, under.repo)
	await(t, "cannot be read", func() string {
		r, _ := currentReport()
		if strings.Contains(r.Error, "no Git repository there") {
			return "cannot be read"
		}
		return r.Error
	})
	awaitEvent(t, "SyncFailed", "no Git repository there")
	disturbBoth(t, "orphaned")
	putBack()
	c.write("orphaned.yaml", helloService("orphaned", "found"))
	c.push("It is back")
	awaitAnswer(t, host("orphaned"), hello("found"))
	awaitState(t, "orphaned", "Ready", "")
}

// A folder is not the same as its name: one that is moved away is not pushed to
// any more, and another one may take its place.
func TestChaos_AReplacedRepositoryIsFound(t *testing.T) {
	ownCluster(t)
	c := newClone(t)
	c.deployed("moved")
	defer ask(t, host("moved"), hello("moved"), hello("replaced"))()
	away := under.repo + ".old"
	check(t, os.Rename(under.repo, away))
	await(t, "moved away", func() string {
		r, _ := currentReport()
		if strings.Contains(r.Error, "the folder was moved or deleted on its machine") {
			return "moved away"
		}
		return r.Error
	})
	disturbBoth(t, "moved")
	out, err := gitIn(under.dir, "clone", "-q", "--bare", away, under.repo)
	if err != nil {
		t.Fatalf("git clone: %v: %s", err, out)
	}
	check(t, os.RemoveAll(away))
	c.write("moved.yaml", helloService("moved", "replaced"))
	c.push("In another place")
	awaitAnswer(t, host("moved"), hello("replaced"))
	awaitState(t, "moved", "Ready", "")
}

// vanish leaves nothing of what a folder holds, until putBack is called.
func vanish(t *testing.T, folder string) (putBack func()) {
	t.Helper()
	away := folder + ".away"
	check(t, os.Mkdir(away, 0o755))
	move(t, folder, away)
	return func() {
		move(t, away, folder)
		check(t, os.Remove(away))
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	check(t, err)
	for _, e := range entries {
		check(t, os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
}

func TestChaos_ARewrittenHistoryIsFollowed(t *testing.T) {
	c := newClone(t)
	c.deployed("rewritten")
	defer ask(t, host("rewritten"), hello("rewritten"), hello("amended"), hello("rebased"))()
	c.write("rewritten.yaml", helloService("rewritten", "amended"))
	c.git("add", "-A")
	c.git("commit", "-q", "--amend", "-m", "Amended")
	c.git("push", "-qf")
	awaitAnswer(t, host("rewritten"), hello("amended"))
	awaitEvent(t, "HistoryRewritten", "to "+c.git("rev-parse", "--short=7", "HEAD"))

	// A history with no commit in common.
	c.write("rewritten.yaml", helloService("rewritten", "rebased"))
	c.git("checkout", "-q", "--orphan", "fresh")
	c.git("add", "-A")
	c.git("commit", "-qm", "Fresh")
	c.git("push", "-qf", "origin", "HEAD:main")
	awaitAnswer(t, host("rewritten"), hello("rebased"))
	awaitEvent(t, "HistoryRewritten", "to "+c.git("rev-parse", "--short=7", "HEAD"))
	awaitState(t, "rewritten", "Ready", "")
}

func TestChaos_AnotherEngineTakesOver(t *testing.T) {
	c := newClone(t)
	c.deployed("inherited")
	defer ask(t, host("inherited"), hello("inherited"), hello("taken over"))()
	scaleEngine(t, 2)
	first := leader(t)
	check(t, kubeClient(t).CoreV1().Pods(contract.Namespace).Delete(t.Context(), first, metav1.DeleteOptions{}))
	began := time.Now()
	await(t, "another leads", func() string {
		if now := leader(t); now == first || now == "" {
			return now + " leads"
		}
		return "another leads"
	})
	t.Logf("taken over in %s", time.Since(began).Round(time.Millisecond))
	c.write("inherited.yaml", helloService("inherited", "taken over"))
	c.push("Take over")
	awaitAnswer(t, host("inherited"), hello("taken over"))
	awaitState(t, "inherited", "Ready", "")
}

// The engine's doings are CloudEvents too, for a sink that the installation names.
func TestEvents_ASinkHearsOfABadCommit(t *testing.T) {
	c := newClone(t)
	heard := make(chan http.Header, 1000)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		var body struct{ Message string }
		if err := json.NewDecoder(r.Body).Decode(&body); err == nil {
			h.Set("Message", body.Message)
		}
		heard <- h
	}))
	defer sink.Close()
	engine := engineOutside(t)
	setSink(t, sink.URL)
	engine.start()
	c.write("unsound.yaml", strings.Replace(helloService("unsound", "unsound"), "containers:", "containrs:", 1))
	commit := c.push("A mistake")
	deadline := time.After(patience)
	for {
		select {
		case h := <-heard:
			if h.Get("Ce-Type") != "dev.sluice.spec.invalid" || h.Get("Ce-Commit") != commit {
				continue
			}
			if h.Get("Ce-Specversion") != "1.0" || h.Get("Ce-Subject") != "Service.serving.knative.dev default/unsound" || !strings.Contains(h.Get("Message"), "did you mean containers?") {
				t.Errorf("the event: %v", h)
			}
			return
		case <-deadline:
			t.Fatal("the sink heard nothing of the mistake")
		}
	}
}

// setSink names a sink in the installation's settings, until the test ends.
func setSink(t *testing.T, url string) {
	t.Helper()
	maps := kubeClient(t).CoreV1().ConfigMaps(contract.Namespace)
	before, err := maps.Get(t.Context(), "sluice-settings", metav1.GetOptions{})
	check(t, err)
	var settings map[string]any
	check(t, json.Unmarshal([]byte(before.Data["settings.json"]), &settings))
	settings["eventsSink"] = url
	write := func(value string) error {
		patch := text(map[string]any{"data": map[string]any{"settings.json": value}})
		_, err := maps.Patch(context.Background(), "sluice-settings", types.MergePatchType, []byte(patch), metav1.PatchOptions{}) //nolint:usetesting // also in the cleanup
		return err
	}
	t.Cleanup(func() { check(t, write(before.Data["settings.json"])) })
	check(t, write(text(settings)))
}
