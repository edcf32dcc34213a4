package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// buildPatience is how long a build may take whose caches are empty: a
// compiler has all of its library to do.
const buildPatience = 5 * time.Minute

// patiently answers|settles ...: the same with buildPatience.
func patiently(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 3 && args[0] == "answers":
		awaitFor(ts, buildPatience, "200 "+args[2], func() string { code, body := get(args[1]); return fmt.Sprint(code, " ", body) })
	case !neg && len(args) == 4 && args[0] == "settles":
		awaitFor(ts, buildPatience, "yes", func() string { return stands(args[1], args[2], args[3]) })
	default:
		ts.Fatalf("usage: patiently answers HOST TEXT | patiently settles NAME STATE TEXT")
	}
}

// stands is yes if a spec is in a state for a reason that holds text, else how
// it stands.
func stands(name, state, text string) string {
	r, err := currentReport()
	if err != nil {
		return err.Error()
	}
	for _, s := range r.Specs {
		if s.Identity.Name == name && string(s.State) == state && strings.Contains(s.Reason, text) {
			return "yes"
		}
	}
	return fmt.Sprint(r.Specs)
}

// builds NAME N: there were N runs of the build.
func builds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: builds NAME N")
	}
	if n := len(jobsOf(ts, args[0])); strconv.Itoa(n) != args[1] {
		ts.Fatalf("build %s ran %d times, want %s", args[0], n, args[1])
	}
}

func jobsOf(f fataler, name string) []batchv1.Job {
	list, err := kubeClient(f).BatchV1().Jobs("").List(context.Background(), metav1.ListOptions{LabelSelector: "build.knative.dev/buildName=" + name})
	check(f, err)
	return list.Items
}

// haveStep makes the image of testdata/step.
func haveStep(t *testing.T) {
	t.Helper()
	check(t, under.makeImage("testdata/step", "e2e-step:v1"))
}

// steps is a Build of one step that does what its arguments say.
func steps(name, more string, args ...string) string {
	return fmt.Sprintf(`apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: %s}
spec:
  %s
  steps:
  - name: work
    image: local.dev/e2e-step:v1
    args: [%s]
`, name, more, `"`+strings.Join(args, `", "`)+`"`)
}

// logs are those of a build's newest run.
func logs(t *testing.T, name string) string {
	t.Helper()
	program, err := binary("sluice")
	check(t, err)
	out, err := exec.Command(program, "logs", "build", name, "--kubeconfig", under.kubeconfig).CombinedOutput()
	if err != nil {
		t.Fatalf("sluice logs build %s: %v: %s", name, err, out)
	}
	return string(out)
}

func contains(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("no %q in:\n%s", want, text)
	}
}

// A step that fails, one that hangs, one that is cancelled and one that is
// superseded: each says so in the status, and each keeps its logs.
func TestBuilds_HoweverTheyEndTheirLogsStay(t *testing.T) {
	haveStep(t)
	c := newClone(t)
	run := fmt.Sprint(time.Now().UnixNano()) // inputs that never were before
	c.write("fails.yaml", steps("e2e-fails", "", "say=begun "+run, "fail=the last words"))
	limit := "2s"
	if under.node != "process" {
		limit = "10s" // containers take some seconds to begin
	}
	c.write("hangs.yaml", steps("e2e-hangs", "timeout: "+limit, "say=hangs begun "+run, "hang"))
	c.write("cancelled.yaml", steps("e2e-cancelled", "", "say=cancelled begun "+run, "hang"))
	c.write("superseded.yaml", steps("e2e-superseded", "", "say=superseded begun "+run, "hang"))
	c.push("Four builds")
	awaitRunning(t, "e2e-cancelled")
	awaitRunning(t, "e2e-superseded")
	first := jobsOf(t, "e2e-superseded")[0].Name
	c.write("cancelled.yaml", steps("e2e-cancelled", "Status: BuildCancelled", "say=cancelled begun "+run, "hang"))
	c.write("superseded.yaml", steps("e2e-superseded", "", "say=newer "+run))
	c.push("Cancel one, supersede one")

	awaitState(t, "e2e-fails", "Failed", "the last words")
	awaitState(t, "e2e-fails", "Failed", `build step "work" exited with code 3`)
	awaitState(t, "e2e-hangs", "Failed", `BuildTimeout: took longer than `+limit+` in step "work"`)
	awaitState(t, "e2e-cancelled", "Failed", "BuildCancelled")
	awaitState(t, "e2e-superseded", "Ready", "")
	for _, name := range []string{"e2e-fails", "e2e-hangs", "e2e-cancelled"} {
		contains(t, logs(t, name), "begun "+run)
	}
	contains(t, logs(t, "e2e-superseded"), "newer "+run)
	awaitPod(t, first, func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	old, err := kubeClient(t).CoreV1().Pods("default").GetLogs(podOf(t, first).Name, &corev1.PodLogOptions{Container: "build-step-work"}).DoRaw(t.Context())
	check(t, err)
	contains(t, string(old), "begun "+run)
}

// Builds of the same inputs are one run, whatever they are called.
func TestBuilds_TheSameInputsRunOnce(t *testing.T) {
	haveStep(t)
	c := newClone(t)
	run := fmt.Sprint(time.Now().UnixNano())
	c.write("one.yaml", steps("e2e-twin-a", "", "say="+run))
	c.write("two.yaml", steps("e2e-twin-b", "", "say="+run))
	c.push("Twins")
	awaitState(t, "e2e-twin-a", "Ready", "")
	awaitState(t, "e2e-twin-b", "Ready", "")
	if n := len(jobsOf(t, "e2e-twin-a")) + len(jobsOf(t, "e2e-twin-b")); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	c.git("commit", "-q", "--allow-empty", "-m", "Nothing")
	c.git("push", "-q")
	awaitState(t, "e2e-twin-a", "Ready", "")
	if n := len(jobsOf(t, "e2e-twin-a")) + len(jobsOf(t, "e2e-twin-b")); n != 1 {
		t.Errorf("%d runs after a push that changed nothing, want 1", n)
	}
}

// A step has what its own ServiceAccount has, and that is nothing of other
// namespaces.
func TestBuilds_AStepCannotReadSecretsOfOthers(t *testing.T) {
	haveStep(t)
	c := newClone(t)
	run := fmt.Sprint(time.Now().UnixNano())
	c.write("nosy.yaml", steps("e2e-nosy", "", "say="+run, "api=/api/v1/namespaces/sluice-system/secrets/sluice-commit", "api=/api/v1/namespaces/default/secrets"))
	c.push("A curious step")
	awaitState(t, "e2e-nosy", "Ready", "")
	text := logs(t, "e2e-nosy")
	if strings.Count(text, "403 ") != 2 || strings.Contains(text, "200 ") {
		t.Errorf("want two refusals:\n%s", text)
	}
}

// What is wrong before anything runs is said with file and line, and runs nothing.
func TestBuilds_SourcesThatCannotBeAreRefusedBeforeTheyRun(t *testing.T) {
	haveStep(t)
	c := newClone(t)
	c.write("nowhere.yaml", steps("e2e-nowhere", "source: {git: {url: .}, subPath: nowhere}", "say=never"))
	c.write("template.yaml", "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: e2e-template}\nspec:\n  template: {name: maven, arguments: [{name: IMAGE, value: a}]}\n")
	c.write("argument.yaml", "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: e2e-argument}\nspec:\n  template: {name: kaniko}\n")
	c.git("update-index", "--add", "--cacheinfo", "160000,"+c.git("rev-parse", "HEAD")+",modules/lib")
	c.write("submodule.yaml", steps("e2e-submodule", "source: {git: {url: .}, subPath: modules}", "say=never"))
	c.git("add", "nowhere.yaml", "template.yaml", "argument.yaml", "submodule.yaml")
	c.git("commit", "-qm", "Four that cannot be")
	c.git("push", "-q")
	awaitState(t, "e2e-nowhere", "Failed", `the repository has no folder "nowhere"`)
	awaitState(t, "e2e-submodule", "Failed", "lib is a submodule, which is never fetched")
	awaitState(t, "e2e-template", "Failed", `there is no BuildTemplate "maven" in namespace default`)
	awaitState(t, "e2e-argument", "Failed", "needs the argument IMAGE")
	for _, name := range []string{"e2e-nowhere", "e2e-submodule", "e2e-template", "e2e-argument"} {
		if n := len(jobsOf(t, name)); n != 0 {
			t.Errorf("%s ran", name)
		}
	}
}

func awaitRunning(t *testing.T, name string) {
	t.Helper()
	await(t, "running", func() string {
		for _, job := range jobsOf(t, name) {
			for _, s := range podOf(t, job.Name).Status.InitContainerStatuses {
				if s.Name == "build-step-work" && s.State.Running != nil {
					return "running"
				}
			}
		}
		return "not yet"
	})
}

func awaitPod(t *testing.T, job string, is func(corev1.Pod) bool) {
	t.Helper()
	await(t, "true", func() string { return fmt.Sprint(is(podOf(t, job))) })
}

// podOf is the pod of a Job; the zero Pod if there is none yet.
func podOf(t *testing.T, job string) corev1.Pod {
	t.Helper()
	list, err := kubeClient(t).CoreV1().Pods("").List(t.Context(), metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + job})
	check(t, err)
	if len(list.Items) == 0 {
		return corev1.Pod{}
	}
	return list.Items[0]
}
