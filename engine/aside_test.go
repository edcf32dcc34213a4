package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
)

// builtOnce is a built service that runs and has all requests.
func builtOnce(w *world) (job, revision string) {
	w.t.Helper()
	w.push("one", built("one", "30"))
	w.pass()
	job = w.jobs()[0]
	w.publishes(job, "feed")
	w.pass()
	revision = w.revisions("app-service")[0]
	w.ready(revision)
	w.pass()
	w.wantTraffic("100% " + revision)
	return job, revision
}

func (w *world) wantTraffic(want string) {
	w.t.Helper()
	if got := w.routes("app-service")["default"]; got != want {
		w.t.Errorf("traffic: %s, want %s", got, want)
	}
}

// another is the one of names that is not known.
func (w *world) another(names []string, known ...string) string {
	w.t.Helper()
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(known, n) })
	if len(names) != 1 {
		w.t.Fatalf("want one beside %v, have %v", known, names)
	}
	return names[0]
}

func TestPreview_CodeThatDiffersIsBuiltAndReached(t *testing.T) {
	w := newWorld(t)
	job, first := builtOnce(w)
	w.branch(blueRef, "blue", map[string]string{"app/main.go": "blue"})
	only(t, w.pass(), "create Job app-build-")
	side := w.another(w.jobs(), job)
	if spec := string(w.live[jobID(side)].JSON); !strings.Contains(spec, `"args":["local.dev/app:preview-blue"]`) {
		t.Errorf("it publishes elsewhere: %s", spec)
	}
	if p := w.preview(blueRef); p.State != status.Progressing || len(p.Services) != 1 || !strings.Contains(p.Services[0].Reason, "build app: waits for its pod") {
		t.Errorf("while it builds: %+v", p)
	}
	w.wantTraffic("100% " + first)

	w.publishes(side, "b1e")
	only(t, w.pass(), "create Deployment app-service-", "update Job "+side)
	blue := w.another(w.revisions("app-service"), first)
	if !strings.Contains(string(w.live[deploymentID(blue)].JSON), `"image":"local.dev/app@sha256:b1e"`) {
		t.Errorf("it runs %s", w.live[deploymentID(blue)].JSON)
	}
	w.ready(blue)
	w.pass()
	if got := w.routes("app-service"); got["tag-blue"] != "100% "+blue || got["default"] != "100% "+first {
		t.Errorf("routes: %v", got)
	}

	// Merged, it is the same revision: nothing is built, nothing starts.
	w.push("merge", map[string]string{"app/main.go": "blue"})
	for _, write := range w.pass() {
		if strings.HasPrefix(write, "create") {
			t.Errorf("the merge makes something: %s", write)
		}
	}
	w.wantTraffic("100% " + blue)
	if n := len(w.jobs()); n != 2 {
		t.Errorf("%d runs", n)
	}
}

func TestPreview_ABuildThatFailsIsTheRefsAlone(t *testing.T) {
	w := newWorld(t)
	job, first := builtOnce(w)
	w.branch(blueRef, "blue", map[string]string{"app/main.go": "blue"})
	w.pass()
	side := w.another(w.jobs(), job)
	w.ran(side, "build-step-work", 1, "main.go:1: no such word")
	w.pass()
	if p := w.preview(blueRef); p.State != status.Failed || !strings.Contains(p.Services[0].Reason, "main.go:1: no such word") {
		t.Errorf("preview: %+v", p)
	}
	if s := w.spec("app-service"); s.State != status.Ready {
		t.Errorf("the service: %+v", s)
	}
	w.wantTraffic("100% " + first)
	w.branch(blueRef, "mended", map[string]string{"app/main.go": "green"})
	w.pass()
	if n := len(w.jobs()); n != 3 {
		t.Errorf("%d runs", n)
	}
}

func TestPreview_ANewerPushEndsTheRefsOlderBuild(t *testing.T) {
	w := newWorld(t)
	job, _ := builtOnce(w)
	w.branch(blueRef, "blue", map[string]string{"app/main.go": "blue"})
	w.branch("refs/heads/preview/red", "red", map[string]string{"app/main.go": "red"})
	w.pass()
	if n := len(w.jobs()); n != 3 {
		t.Fatalf("%d runs, want one for each", n)
	}
	blueJob := ""
	for _, name := range w.jobs() {
		if strings.Contains(string(w.live[jobID(name)].JSON), "preview-blue") {
			blueJob = name
		}
	}
	w.branch(blueRef, "bluer", map[string]string{"app/main.go": "bluer"})
	w.pass()
	for _, name := range w.jobs() {
		if stopped := w.live[jobID(name)].Annotations["sluice.dev/stop"] != ""; stopped != (name == blueJob) {
			t.Errorf("%s is stopped: %v (%s was blue's, %s the branch's)", name, stopped, blueJob, job)
		}
	}
}

func TestPreview_OfABuiltServiceKeepsItsBuildWhereOnlyItsSpecDiffers(t *testing.T) {
	w := newWorld(t)
	job, first := builtOnce(w)
	w.branch(blueRef, "a comment", map[string]string{"app/specs.yaml": "# nothing\n" + built("one", "30")["app/specs.yaml"]})
	wantWrites(t, w.pass())
	if p := w.preview(blueRef); p.State != status.Ready || len(p.Services) != 0 {
		t.Errorf("a comment: %+v", p)
	}
	w.branch(blueRef, "an argument", map[string]string{"app/specs.yaml": strings.Replace(built("one", "30")["app/specs.yaml"], "image: local.dev/app}", "image: local.dev/app, args: [loud]}", 1)})
	only(t, w.pass(), "create Deployment app-service-")
	blue := w.another(w.revisions("app-service"), first)
	if !strings.Contains(string(w.live[deploymentID(blue)].JSON), `"image":"local.dev/app@sha256:feed"`) || len(w.jobs()) != 1 {
		t.Errorf("%v beside %s: %s", w.jobs(), job, w.live[deploymentID(blue)].JSON)
	}
}

func TestPreview_WhatItsBuildMayNotBeIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		trunk func(map[string]string)
		files map[string]string
		want  string
	}{
		"its own build": {nil, map[string]string{"app/specs.yaml": strings.Replace(built("one", "30")["app/specs.yaml"], "subPath: app", "subPath: other", 1)}, "it changes its build"},
		"steps that name the image": {
			func(files map[string]string) {
				files["service.yaml"] = inlineBuild
				delete(files, "app/specs.yaml")
			},
			map[string]string{"app/main.go": "blue"}, "its steps say by themselves that it goes to local.dev/app",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			files := built("one", "30")
			if test.trunk != nil {
				test.trunk(files)
			}
			w.push("one", files)
			w.pass()
			w.publishes(w.jobs()[0], "feed")
			w.pass()
			w.readyAll()
			w.pass()
			w.branch(blueRef, "blue", test.files)
			wantWrites(t, w.pass())
			if p := w.preview(blueRef); p.State != status.Failed || !strings.Contains(fmt.Sprint(p.Problems), test.want) {
				t.Errorf("%+v, want %s", p, test.want)
			}
		})
	}
}

// inlineBuild is a Service of 2018 whose steps push by themselves.
const inlineBuild = `apiVersion: serving.knative.dev/v1alpha1
kind: Service
metadata: {name: inline}
spec:
  runLatest:
    configuration:
      build:
        source: {git: {url: .}, subPath: app}
        steps: [{name: work, image: builder, args: [local.dev/app]}]
      revisionTemplate: {spec: {container: {image: local.dev/app}}}
`

func TestRef_ACommitThatIsBuiltFromOtherCodeIsBuilt(t *testing.T) {
	w := newWorld(t)
	job, first := builtOnce(w)
	w.tag("refs/tags/v1")
	w.push("two", built("two", "30"))
	w.pass()
	second := w.another(w.jobs(), job)
	w.publishes(second, "deed")
	w.pass()
	w.ready(w.another(w.revisions("app-service"), first))
	w.pass()
	traffic := strings.TrimSuffix(built("two", "30")["app/specs.yaml"], "\n")
	traffic = strings.TrimSuffix(traffic, "}") + ", traffic: [{gitRef: v1, percent: 100}]}\n"
	w.push("back to the tag, whose image there is", map[string]string{"app/specs.yaml": traffic})
	w.pass()
	w.wantTraffic("100% " + first)
	if n := len(w.jobs()); n != 2 {
		t.Errorf("%d runs", n)
	}

	w.branch("refs/heads/later", "not built yet", map[string]string{"app/main.go": "three"})
	w.push("a branch", map[string]string{"app/specs.yaml": strings.Replace(traffic, "gitRef: v1", "gitRef: later", 1)})
	only(t, w.pass(), "create Job app-build-")
	if s := w.spec("app-service"); s.State != status.Progressing || !strings.Contains(s.Reason, "of gitRef later waits for its image: build app: ") {
		t.Errorf("%+v", s)
	}
	w.wantTraffic("100% " + first)
	third := w.another(w.jobs(), job, second)
	w.publishes(third, "b0b")
	w.pass()
	names := w.revisions("app-service")
	if len(names) != 3 {
		t.Fatalf("revisions: %v", names)
	}
	w.readyAll()
	w.pass()
	got := w.routes("app-service")["default"]
	if name := strings.TrimPrefix(got, "100% "); name == first || !strings.Contains(string(w.live[deploymentID(name)].JSON), "sha256:b0b") {
		t.Errorf("traffic: %s", got)
	}
}

func TestHistory_OrdinalsTellSourcesApart(t *testing.T) {
	w := newWorld(t)
	job, first := builtOnce(w)
	known, jobs := []string{first}, []string{job}
	next := func(code, timeout, digest string) string {
		w.push(code+timeout, built(code, timeout))
		w.pass()
		if fresh := slices.DeleteFunc(w.jobs(), func(n string) bool { return slices.Contains(jobs, n) }); len(fresh) == 1 {
			jobs = append(jobs, fresh[0])
			w.publishes(fresh[0], digest)
			w.pass()
		}
		name := w.another(w.revisions("app-service"), known...)
		known = append(known, name)
		w.ready(name)
		w.pass()
		return name
	}
	second := next("two", "30", "deed")
	third := next("two", "31", "")
	w.push("nothing that counts", map[string]string{"note.txt": "x"})
	w.pass()
	pin := func(alias string) {
		specs := built("two", "31")["app/specs.yaml"]
		w.push("pin "+alias, map[string]string{"app/specs.yaml": strings.TrimSuffix(specs, "}\n") + ", traffic: [{revisionName: " + alias + ", percent: 100}]}\n"})
		w.pass()
	}
	for i, name := range []string{first, second, third} {
		pin(fmt.Sprintf("app-service-%05d", i+1))
		w.wantTraffic("100% " + name)
	}
	pin("app-service-00004")
	if s := w.spec("app-service"); !strings.Contains(s.Reason, "app-service has revisions app-service-00001 to app-service-00003") {
		t.Errorf("%+v", s)
	}

	delete(w.live, deploymentID(first)) // it is collected
	pin("app-service-00001")
	if s := w.spec("app-service"); s.State != status.Failed || !strings.Contains(s.Reason, "was built, and the cluster has it no more: write `gitRef: COMMIT`") {
		t.Errorf("%+v", s)
	}
	w.wantTraffic("100% " + third)

	// From the outside it is read the same.
	lines, err := ReadHistory(t.Context(), w, w.engine.cfg.Kinds, w.engine.cfg.Builds, "app-service")
	if err != nil {
		t.Fatal(err)
	}
	if got := lines["default"].Names(); !slices.Equal(got, []string{first, second, third}) {
		t.Errorf("history: %v, want %v", got, []string{first, second, third})
	}
}
