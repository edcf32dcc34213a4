package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// leaves is a farewell's Job, as an applier makes it and Kubernetes reports it.
func (w *world) leaves(condition string) manifest.ID {
	id := jobID("hub-source-farewell-1")
	w.lock.Lock()
	defer w.lock.Unlock()
	w.store(id, map[string]any{
		"metadata": map[string]any{
			"labels": map[string]any{contract.LabelFarewell: "abc"},
			"annotations": map[string]any{
				contract.AnnotationUnit: "GitHubSource.sources.knative.dev default/hub", contract.AnnotationFarewellOf: "github  octo/cat",
			},
		},
		"status": map[string]any{"conditions": []any{map[string]any{"type": condition, "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}}},
	})
	w.live[id].Ours = false // it has our label and no tracking id
	return id
}

// leaver gives the farewell a pod.
func (w *world) leaver(state map[string]any) {
	id := podID("hub-source-farewell-1")
	w.lock.Lock()
	defer w.lock.Unlock()
	w.store(id, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{contract.LabelFarewell: "abc", "batch.kubernetes.io/job-name": "hub-source-farewell-1"}},
		"status":   map[string]any{"phase": "Failed", "containerStatuses": []any{map[string]any{"name": "source", "state": state}}},
	})
	w.live[id].Ours = false
}

func TestFarewells_OneThatFailsIsReported(t *testing.T) {
	w := newWorld(t)
	w.push("nothing", map[string]string{"README.md": "-"})
	w.pass()
	w.leaves("Suspended")
	w.leaver(map[string]any{"waiting": map[string]any{"reason": "CreateContainerConfigError", "message": `secret "hub" not found`}})
	wantWrites(t, w.pass())
	f := w.report().Farewells
	if len(f) != 1 || f[0].State != status.Progressing || f[0].Reason != `CreateContainerConfigError: secret "hub" not found` || w.report().State != status.Ready {
		t.Fatalf("under way: %+v, %s", f, w.report().State)
	}

	// Its time is over, and its pod is gone: what stood in its way is known all the
	// same, also to an engine that is started then.
	delete(w.live, podID("hub-source-farewell-1"))
	wantWrites(t, w.pass())
	w.leaves("Failed")
	for range 2 {
		wantWrites(t, w.pass())
		want := `CreateContainerConfigError: secret "hub" not found (BackoffLimitExceeded: Job has reached the specified backoff limit)`
		if f := w.report().Farewells; len(f) != 1 || !f[0].Failed() || f[0].Reason != want {
			t.Fatalf("failed: %+v", f)
		}
		w.start()
	}
	w.leaves("Suspended")
	wantWrites(t, w.pass())

	w.leaves("Failed")
	w.leaver(map[string]any{"terminated": map[string]any{"message": "GitHub answered 401: Bad credentials"}})
	before := w.report()
	wantWrites(t, w.pass()) // nothing describes it, and it is not ours to delete
	after := w.report()
	if f := after.Farewells; len(f) != 1 || !f[0].Failed() || f[0].Spec.Name != "hub" || f[0].What != "github octo/cat" || f[0].Reason != "GitHub answered 401: Bad credentials" {
		t.Fatalf("failed: %+v", f)
	}
	if after.State != status.Failed {
		t.Errorf("the repository is %s", after.State)
	}
	told := 0
	for _, e := range status.Between(before, after) {
		if e.Type != status.FarewellFailed {
			continue
		}
		told++
		if !e.Type.Warning() || e.Object != "hub-source-farewell-1" || !strings.Contains(e.Message, "401: Bad credentials") || !strings.Contains(e.Message, "sluice farewells again default/hub-source-farewell-1") {
			t.Errorf("the event: %+v", e)
		}
	}
	if told != 1 || len(status.Between(after, after)) != 0 {
		t.Errorf("told %d times", told)
	}

	// It is tried again and succeeds.
	w.leaves("Complete")
	wantWrites(t, w.pass())
	if r := w.report(); len(r.Farewells) != 0 || r.State != status.Ready {
		t.Errorf("done: %+v, %s", r.Farewells, r.State)
	}
}

// TestFarewells_AFeedIsStoppedWhenItHasStarted deletes a feed whose start still
// runs: what stops it waits for what the start says last.
func TestFarewells_AFeedIsStoppedWhenItHasStarted(t *testing.T) {
	for _, end := range []string{"Complete", "Failed"} {
		t.Run(end, func(t *testing.T) {
			w := newWorld(t)
			w.push("feed", pigeons)
			w.pass()
			job := w.jobs()[0]
			w.push("no feed", map[string]string{"feed.yaml": ""})
			w.pass()
			w.now = w.now.Add(plan.DefaultPolicy().Grace + time.Second)
			wantWrites(t, w.pass())
			holds := w.report().Holds
			if len(holds) != 1 || holds[0].ID.Name != job || !strings.Contains(holds[0].Reason, "as soon as it has started its feed") || holds[0].Wait == 0 {
				t.Fatalf("holds %+v", holds)
			}
			w.start() // a restart does not forget it
			wantWrites(t, w.pass())
			w.starts(job, "Succeeded", end, "eyJpZCI6N30=")
			w.now = w.now.Add(plan.DefaultPolicy().Grace)
			wantWrites(t, w.pass(), "delete Job "+job)
		})
	}
}
