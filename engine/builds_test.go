package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// built is a repository with a program, what builds it, and what runs it.
func built(code, timeout string) map[string]string {
	return map[string]string{
		"app/main.go": code,
		"template.yaml": `apiVersion: build.knative.dev/v1alpha1
kind: BuildTemplate
metadata: {name: t}
spec:
  parameters: [{name: IMAGE}]
  steps: [{name: work, image: builder, args: ["${IMAGE}"]}]
`,
		"app/specs.yaml": `apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: app}
spec:
  source: {git: {url: .}, subPath: app}
  template: {name: t, arguments: [{name: IMAGE, value: local.dev/app}]}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app-service}
spec: {template: {spec: {timeoutSeconds: ` + timeout + `, containers: [{image: local.dev/app}]}}}
`,
	}
}

// jobs are the names of the live Jobs, by age.
func (w *world) jobs() []string {
	var names []string
	for id := range w.live {
		if id.Kind == "Job" {
			names = append(names, id.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(createdAt(w.live[jobID(a)]), createdAt(w.live[jobID(b)]))
	})
	return names
}

func jobID(name string) manifest.ID {
	return manifest.ID{APIVersion: "batch/v1", Kind: "Job", Namespace: "default", Name: name}
}

// ran gives a Job a pod in which a container has ended.
func (w *world) ran(job, container string, code int, message string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	id := manifest.ID{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: job + "-x"}
	phase := "Failed"
	if code == 0 {
		phase = "Succeeded"
	}
	w.store(id, map[string]any{
		"metadata": map[string]any{"name": id.Name, "labels": map[string]any{"batch.kubernetes.io/job-name": job}},
		"status": map[string]any{"phase": phase, "initContainerStatuses": []any{map[string]any{
			"name": container, "state": map[string]any{"terminated": map[string]any{"exitCode": code, "message": message}},
		}}},
	})
	w.live[id].Ours = false // it has our label and no tracking id
}

func (w *world) publishes(job, digest string) {
	w.ran(job, contract.StepResult, 0, `{"image":"local.dev/app@sha256:`+digest+`"}`)
}

// only fails the test unless exactly these writes were made, by their beginning.
func only(t *testing.T, writes []string, want ...string) {
	t.Helper()
	slices.Sort(writes) // those of one stage are made at once
	ok := len(writes) == len(want)
	for i := range want {
		ok = ok && strings.HasPrefix(writes[i], want[i])
	}
	if !ok {
		t.Fatalf("wrote %q, want %q", writes, want)
	}
}

func TestEngine_ARevisionWaitsForItsBuildAndRunsItsDigest(t *testing.T) {
	w := newWorld(t)
	w.push("one", built("one", "30"))
	only(t, w.pass(), "create Job app-build-", "create Service app-service")
	if s := w.spec("app-service"); s.State != status.Progressing || !strings.Contains(s.Reason, "build app: waits for its pod") {
		t.Errorf("%+v", s)
	}
	job := w.jobs()[0]
	w.publishes(job, "feed")
	only(t, w.pass(), "create Deployment app-service-", "update Job "+job)
	if got := w.live[jobID(job)].Annotations[contract.AnnotationResult]; got != "local.dev/app@sha256:feed" {
		t.Errorf("the Job is marked with %q", got)
	}
	first := w.revisions("app-service")[0]
	if !strings.Contains(string(w.live[deploymentID(first)].JSON), `"image":"local.dev/app@sha256:feed"`) {
		t.Errorf("the revision runs %s", w.live[deploymentID(first)].JSON)
	}
	w.ready(first)
	only(t, w.pass(), "create VirtualService")

	// A manifest alone builds nothing; the new revision has the same digest.
	w.push("two", built("one", "31"))
	only(t, w.pass(), "create Deployment app-service-")
	if n := len(w.jobs()); n != 1 {
		t.Errorf("%d runs", n)
	}

	// The pod, and with it its word, is gone: the mark is left, and the Job's end.
	delete(w.live, manifest.ID{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: job + "-x"})
	w.start()
	only(t, w.pass())
	if s := w.spec("app"); s.State != status.Ready {
		t.Errorf("%+v", s)
	}
	// Even the Job: what runs says what it runs, and nothing is built again for it.
	w.push("three", built("one", "30"))
	delete(w.live, jobID(job))
	only(t, w.pass())
}

func TestEngine_AFailedBuildLeavesTrafficAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.push("one", built("one", "30"))
	w.pass()
	w.publishes(w.jobs()[0], "feed")
	w.pass()
	first := w.revisions("app-service")[0]
	w.ready(first)
	w.pass()
	w.push("two", built("two", "30"))
	only(t, w.pass(), "create Job app-build-")
	job := w.jobs()[1]
	w.ran(job, "build-step-work", 2, "main.go:1: syntax error")
	only(t, w.pass())
	for _, name := range []string{"app", "app-service"} {
		s := w.spec(name)
		if s.State != status.Failed || !strings.Contains(s.Reason, `BuildExecuteFailed: build step "work" exited with code 2: main.go:1: syntax error`) {
			t.Errorf("%+v", s)
		}
	}
	if s := w.spec("app-service"); len(s.Traffic) != 1 || s.Traffic[0].Revision != first || !strings.Contains(s.Reason, "traffic stays on "+first) {
		t.Errorf("%+v", s)
	}
	// Reverting the code finds the revision that there is, and builds nothing.
	w.push("Revert", built("one", "30"))
	only(t, w.pass())
	if s := w.spec("app-service"); s.State != status.Ready {
		t.Errorf("%+v", s)
	}
	// And the mistake again is known to fail.
	w.push("two again", built("two", "30"))
	only(t, w.pass())
}

func TestEngine_ANewerPushEndsTheOlderRun(t *testing.T) {
	w := newWorld(t)
	w.push("one", built("one", "30"))
	w.pass()
	old := w.jobs()[0]
	w.push("two", built("two", "30"))
	writes := w.pass()
	if !slices.Contains(writes, "update Job "+old) || len(w.jobs()) != 2 {
		t.Errorf("wrote %q", writes)
	}
	if why := w.live[jobID(old)].Annotations[contract.AnnotationStop]; !strings.Contains(why, "superseded") {
		t.Errorf("the older run is told %q", why)
	}
	only(t, w.pass())
}

func TestEngine_OfARunsOfABuildTheNewestStay(t *testing.T) {
	w := newWorld(t)
	for i := range jobsKept + 3 {
		w.push("change", built(strings.Repeat("x", i+1), "30"))
		w.pass()
		jobs := w.jobs()
		w.ran(jobs[len(jobs)-1], "build-step-work", 1, "no")
		w.pass()
	}
	w.now = w.now.Add(2 * w.engine.cfg.Policy.Grace)
	w.pass()
	if n := len(w.jobs()); n != jobsKept {
		t.Errorf("%d runs are left, want %d", n, jobsKept)
	}
	w.push("gone", map[string]string{"app/specs.yaml": "", "template.yaml": ""})
	w.pass()
	w.now = w.now.Add(2 * w.engine.cfg.Policy.Grace)
	w.pass()
	if n := len(w.jobs()); n != 0 {
		t.Errorf("%d runs are left of a build that nothing describes", n)
	}
}

func TestEngine_BuildsOfTheSameInputsAreOneRun(t *testing.T) {
	w := newWorld(t)
	files := built("one", "30")
	files["twin.yaml"] = strings.ReplaceAll(strings.Split(files["app/specs.yaml"], "---")[0], "name: app}", "name: twin}")
	w.push("twins", files)
	w.pass()
	if jobs := w.jobs(); len(jobs) != 1 {
		t.Fatalf("runs %v", jobs)
	}
	w.publishes(w.jobs()[0], "feed")
	w.pass()
	for _, name := range []string{"app", "twin"} {
		if s := w.spec(name); s.State != status.Ready {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestRenderTree_ShowsTheJobAndTheRevision(t *testing.T) {
	w := newWorld(t)
	w.push("one", built("one", "30"))
	manifests, problems, err := RenderTree(t.Context(), w, w.engine.cfg.Kinds, w.engine.cfg.Render, Builds{})
	if err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	kinds := map[string]int{}
	for _, m := range manifests {
		kinds[m.ID.Kind]++
		if m.ID.Kind == "Job" && !json.Valid(m.JSON) {
			t.Errorf("%s", m.JSON)
		}
	}
	if kinds["Job"] != 1 || kinds["Deployment"] != 1 || kinds["VirtualService"] != 1 {
		t.Errorf("%v", kinds)
	}
}

// The limit itself is a source yet; a byte more is none, and what is beside
// the folder does not count.
func TestEngine_ASourceThatIsTooLargeIsRefusedBeforeItRuns(t *testing.T) {
	for _, c := range []struct {
		name, large string
		more        int64
		refused     bool
	}{
		{"as large as may be", "app/data.bin", -1, false},
		{"one byte more", "app/data.bin", 0, true},
		{"large beside the folder", "data.bin", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			files := built("one", "30")
			files[c.large] = "data"
			w.sizes = map[string]int64{c.large: contract.SourceLimit - int64(len(files["app/main.go"])) + c.more}
			w.push("one", files)
			w.pass()
			const sentence = "the files are 2000 MB together, and 2000 MB are too large: name the folder that is built as subPath, or keep what is large elsewhere"
			s := w.spec("app")
			if refused := s.State == status.Failed && strings.Contains(s.Reason, sentence); refused != c.refused {
				t.Errorf("%+v", s)
			}
			if ran := len(w.jobs()) > 0; ran == c.refused {
				t.Errorf("it ran: %v", ran)
			}
		})
	}
}
