package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
)

func TestEngine_APushBecomesARevisionThenTraffic(t *testing.T) {
	w := newWorld(t)
	w.push("first", map[string]string{"hello.yaml": hello("hello", "one")})
	wantWrites(t, w.pass(), "create Service hello", "create Deployment "+w.revisions("hello")[0])
	if s := w.spec("hello"); s.State != status.Progressing {
		t.Errorf("before the pods are ready: %+v", s)
	}
	first := w.revisions("hello")[0]
	w.ready(first)
	wantWrites(t, w.pass(), "create VirtualService hello")
	s := w.spec("hello")
	if s.State != status.Ready || len(s.Traffic) != 1 || s.Traffic[0].Revision != first || s.Traffic[0].Percent != 100 {
		t.Errorf("after: %+v", s)
	}
	wantWrites(t, w.pass())
}

func TestEngine_TrafficStaysUntilTheNewRevisionIsReady(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("second", map[string]string{"hello.yaml": hello("hello", "two")})
	second := w.create("hello", first)
	if got := w.spec("hello").Traffic[0].Revision; got != first {
		t.Errorf("traffic moved to %s before it was ready", got)
	}
	w.ready(second)
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.spec("hello").Traffic[0].Revision; got != second {
		t.Errorf("traffic is at %s, want %s", got, second)
	}
}

func TestEngine_WhatIsReadyAtOnceIsRoutedBeforeAnybodyIsTold(t *testing.T) {
	w := newWorld(t)
	asleep := strings.Replace(hello("hello", "one"), "    spec:", "    metadata:\n      annotations: {autoscaling.knative.dev/initial-scale: \"0\"}\n    spec:", 1)
	w.push("one", map[string]string{"hello.yaml": asleep})
	w.engine.pass(t.Context(), true)
	if n := len(w.writes); n != 3 || !strings.HasPrefix(w.writes[2], "create VirtualService") {
		t.Errorf("writes: %v", w.writes)
	}
	if len(w.reports) != 1 || w.report().State != status.Ready {
		t.Errorf("reports: %+v", w.reports)
	}
}

func TestEngine_ALongSyncIsReportedOnItsWay(t *testing.T) {
	w := newWorld(t)
	w.push("one", map[string]string{"hello.yaml": hello("hello", "one")})
	w.refuse = func(plan.Step) error { w.now = w.now.Add(tellAfter); return nil }
	w.engine.pass(t.Context(), true)
	if len(w.reports) != 1 || w.report().State != status.Progressing || w.report().Applied.IsZero() {
		t.Errorf("reports: %+v", w.reports)
	}
}

func TestEngine_ARevertIsOneWriteAndStartsNothing(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("second", map[string]string{"hello.yaml": hello("hello", "two")})
	w.ready(w.create("hello", first))
	w.pass()
	w.push("revert", map[string]string{"hello.yaml": hello("hello", "one")})
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.spec("hello").Traffic[0].Revision; got != first {
		t.Errorf("traffic is at %s, want %s", got, first)
	}
}

func TestEngine_ARestartWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.start()
	wantWrites(t, w.pass())
}

func TestEngine_ABrokenFileHoldsBackOnlyItself(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.push("one bad, one good", map[string]string{
		"hello.yaml": hello("hello", "two") + "  oops: true\n",
		"other.yaml": hello("other", "one"),
	})
	writes := w.pass()
	for _, write := range writes {
		if strings.Contains(write, "hello") {
			t.Errorf("the broken spec was touched: %s", write)
		}
	}
	if len(w.revisions("other")) != 1 {
		t.Errorf("the good spec was not applied: %v", writes)
	}
	s := w.spec("hello")
	if s.State != status.Invalid || !strings.Contains(s.Reason, "hello.yaml:") || len(s.Traffic) != 1 {
		t.Errorf("the broken spec's state: %+v", s)
	}
}

func TestEngine_AnUnreadableFileKeepsWhatItDescribed(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.push("renamed and broken", map[string]string{"hello.yaml": "", "moved.yaml": "kind: [\n"})
	w.now = w.now.Add(time.Hour)
	wantWrites(t, w.pass())
	if s := w.spec("hello"); s.State != status.Invalid || !strings.Contains(s.Reason, "moved.yaml") || len(s.Traffic) != 1 {
		t.Errorf("the spec that is kept: %+v", s)
	}
}

func TestEngine_AnEmptiedFileKeepsWhatItDescribed(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.push("emptied", map[string]string{"hello.yaml": "# nothing\n"})
	w.now = w.now.Add(time.Hour)
	wantWrites(t, w.pass())
	if s := w.spec("hello"); s.State != status.Invalid || !strings.Contains(s.Reason, "delete the file") {
		t.Errorf("the spec that is kept: %+v", s)
	}
}

func TestEngine_APodThatIsSlowIsNoFailure(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.trouble = plan.Trouble{Message: "container app runs but does not pass its readiness check yet"}
	w.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
	w.pass()
	w.now = w.now.Add(time.Minute)
	w.pass()
	s := w.spec("hello")
	if s.State != status.Progressing || !strings.Contains(s.Reason, w.trouble.Message) || s.Traffic[0].Revision != first {
		t.Errorf("slow: %+v", s)
	}
	w.trouble = plan.Trouble{Reason: "CrashLoopBackOff", Message: "container app exited with code 1: no"}
	w.now = w.now.Add(time.Minute)
	w.pass()
	if s := w.spec("hello"); s.State != status.Failed || !strings.Contains(s.Reason, "code 1: no") {
		t.Errorf("failed: %+v", s)
	}
}

func TestEngine_ADeletedSpecLosesItsRouteAtOnceAndItsPodsAfterTheGrace(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("gone", map[string]string{"hello.yaml": ""})
	wantWrites(t, w.pass(), "delete VirtualService hello")
	w.now = w.now.Add(time.Minute + time.Second)
	wantWrites(t, w.pass(), "delete Deployment "+first, "delete Service hello")
}

func TestEngine_ADeletionRevertedWithinTheGraceStartsNothing(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.push("gone", map[string]string{"hello.yaml": ""})
	w.pass()
	w.push("back", map[string]string{"hello.yaml": hello("hello", "one")})
	wantWrites(t, w.pass(), "create VirtualService hello")
}

func TestEngine_AMassDeletionWaitsForAConfirmationInGit(t *testing.T) {
	w := newWorld(t)
	files, none := map[string]string{}, map[string]string{}
	for _, name := range strings.Fields("a b c d e f g h") {
		files[name+".yaml"], none[name+".yaml"] = hello(name, "x"), ""
	}
	w.push("many", files)
	w.pass()
	w.push("none", none)
	w.now = w.now.Add(time.Hour)
	wantWrites(t, w.pass())
	if holds := w.report().Holds; len(holds) == 0 || !strings.Contains(holds[0].Reason, "Sluice-Prune: confirm") {
		t.Errorf("holds: %+v", holds)
	}
	if s := w.spec("a"); s.State != status.Failed || w.report().State != status.Failed {
		t.Errorf("a deletion that is held needs somebody: %+v", s)
	}
	w.push("really\n\nSluice-Prune: confirm\n", nil)
	w.pass()
	w.now = w.now.Add(time.Hour)
	w.pass()
	if len(w.live) != 0 {
		t.Errorf("still there: %v", w.live)
	}
}

func TestEngine_ARestartWithinTheGraceDoesNotBrake(t *testing.T) {
	w := newWorld(t)
	files, none := map[string]string{}, map[string]string{}
	for _, name := range strings.Fields("a b c d e f g h") {
		files[name+".yaml"], none[name+".yaml"] = hello(name, "x"), ""
	}
	w.push("many", files)
	w.pass()
	w.push("none\n\nSluice-Prune: confirm\n", none)
	w.pass()
	w.push("later", map[string]string{"z.yaml": hello("z", "x")})
	w.now = w.now.Add(20 * time.Second)
	w.pass()
	w.start()
	w.now = w.now.Add(39 * time.Second)
	wantWrites(t, w.pass())
	w.now = w.now.Add(2 * time.Second)
	w.pass()
	if n := len(w.revisions("a")) + len(w.revisions("h")); n != 0 {
		t.Errorf("%d revisions are still there: %+v", n, w.report().Holds)
	}
}

func TestEngine_ForeignChangesAreHealed(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.edit(deploymentID(first), func(o map[string]any) {
		pod := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		pod["containers"].([]any)[0].(map[string]any)["image"] = "evil"
	})
	wantWrites(t, w.pass(), "heal Deployment "+first)
}

func TestEngine_ReplicasAreTheAutoscalers(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.edit(deploymentID(first), func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = 7 })
	wantWrites(t, w.pass())
}

func TestEngine_AFailedStepIsTriedAgainLater(t *testing.T) {
	w := newWorld(t)
	w.push("first", map[string]string{"hello.yaml": hello("hello", "one")})
	w.refuse = func(s plan.Step) error {
		if s.ID.Kind == "Deployment" {
			return errors.New("no quota")
		}
		return nil
	}
	w.pass()
	if s := w.spec("hello"); s.State != status.Failed || s.Reason != "no quota" {
		t.Errorf("state: %+v", s)
	}
	w.refuse = nil
	wantWrites(t, w.pass())
	w.now = w.now.Add(time.Minute)
	if writes := w.pass(); len(writes) != 1 || !strings.HasPrefix(writes[0], "create Deployment") {
		t.Errorf("writes: %v", writes)
	}
}

func TestEngine_AVanishedRemoteLeavesTheLastCommitInForce(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.gone = errors.New("connection refused")
	w.edit(deploymentID(first), func(o map[string]any) {
		delete(o["metadata"].(map[string]any)["labels"].(map[string]any), "serving.knative.dev/service")
	})
	wantWrites(t, w.pass(), "heal Deployment "+first)
	if w.report().Error == "" {
		t.Error("the report does not say that the remote is away")
	}
}

func TestEngine_OrdinalsNameRevisionsOfTheHistory(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("second", map[string]string{"hello.yaml": hello("hello", "two")})
	w.ready(w.create("hello", first))
	w.pass()
	w.push("pin", map[string]string{"hello.yaml": hello("hello", "two") + `  traffic:
  - revisionName: hello-00001
    percent: 100
`})
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.spec("hello").Traffic[0].Revision; got != first {
		t.Errorf("traffic is at %s, want %s", got, first)
	}
}

func TestEngine_AnOrdinalSurvivesAWipedCluster(t *testing.T) {
	w := newWorld(t)
	w.push("first", map[string]string{"hello.yaml": hello("hello", "one")})
	w.push("pin", map[string]string{"hello.yaml": hello("hello", "two") + `  traffic:
  - revisionName: hello-00001
    percent: 100
`})
	w.pass()
	if n := len(w.revisions("hello")); n != 2 {
		t.Fatalf("revisions: %v", w.revisions("hello"))
	}
}

func TestEngine_ARevisionThatNeverWasIsNamed(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("pin", map[string]string{"hello.yaml": hello("hello", "one") + `  traffic:
  - revisionName: hello-00042
    percent: 100
`})
	wantWrites(t, w.pass())
	s := w.spec("hello")
	if s.State != status.Failed || !strings.Contains(s.Reason, "hello-00042") || s.Traffic[0].Revision != first {
		t.Errorf("state: %+v", s)
	}
}

// serve pushes hello with a target and brings it to serving.
func (w *world) serve(target string) string {
	w.t.Helper()
	w.push("hello "+target, map[string]string{"hello.yaml": hello("hello", target)})
	w.pass()
	names := w.revisions("hello")
	w.ready(names...)
	w.pass()
	if s := w.spec("hello"); s.State != status.Ready {
		w.t.Fatalf("does not serve: %+v", s)
	}
	return names[0]
}

// create passes and returns the revision that is new beside the known ones.
func (w *world) create(configuration string, known ...string) string {
	w.t.Helper()
	w.pass()
	for _, name := range w.revisions(configuration) {
		if !slices.Contains(known, name) {
			return name
		}
	}
	w.t.Fatalf("no new revision beside %v", known)
	return ""
}

func wantWrites(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("writes:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestEngine_ARevisionThatWasGivenUpIsNotReadyAtZero(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("second", map[string]string{"hello.yaml": hello("hello", "two")})
	second := w.create("hello", first)
	w.edit(deploymentID(second), func(o map[string]any) {
		o["spec"].(map[string]any)["replicas"] = 0
		o["metadata"].(map[string]any)["annotations"].(map[string]any)["sluice.dev/failed"] = "ProgressDeadlineExceeded: no database"
		o["metadata"].(map[string]any)["annotations"].(map[string]any)["sluice.dev/last-activation"] = `{"result":"Failed","error":"CrashLoopBackOff: container app exited"}`
		o["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}}}
	})
	wantWrites(t, w.pass())
	s := w.spec("hello")
	if s.State != status.Failed || !strings.Contains(s.Reason, "GivenUp: CrashLoopBackOff: container app exited (ProgressDeadlineExceeded: no database); to try again: kubectl -n default delete deployment "+second) || s.Traffic[0].Revision != first {
		t.Errorf("state: %+v", s)
	}
}

func TestEngine_AShareKeepsTheCommitSinceWhichItIsSo(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	first := w.report().Commit
	if got := w.spec("hello").Traffic[0].Commit; got != first {
		t.Errorf("since %s, want %s", got, first)
	}
	labelled := strings.Replace(hello("hello", "one"), "metadata:", "metadata:\n  labels: {team: a}", 1) // rewrites the route, moves nothing
	w.push("a label", map[string]string{"hello.yaml": labelled})
	w.pass()
	if got := w.spec("hello").Traffic[0].Commit; got != first || w.report().Commit == first {
		t.Errorf("since %s, want %s", got, first)
	}
	w.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
	w.pass()
	w.ready(w.revisions("hello")...)
	w.pass()
	if got := w.spec("hello").Traffic[0].Commit; got != w.report().Commit {
		t.Errorf("since %s, want %s", got, w.report().Commit)
	}
}
