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

// pigeons is a feed of 2018 whose source has an image of its own.
var pigeons = map[string]string{
	"source.yaml": `apiVersion: feeds.knative.dev/v1alpha1
kind: EventSource
metadata: {name: loft}
spec: {source: loft, image: example.com/loft}
---
apiVersion: feeds.knative.dev/v1alpha1
kind: EventType
metadata: {name: coo}
spec: {eventSource: loft}
`,
	"feed.yaml": `apiVersion: feeds.knative.dev/v1alpha1
kind: Feed
metadata: {name: pigeons}
spec:
  action: {dnsName: "http://sink.example.com/"}
  trigger: {eventType: coo, resource: roof}
`,
}

// starts gives the Job that started the feed a pod that has ended, and the Job
// its end.
func (w *world) starts(job, phase, condition, words string) {
	id := podID(job)
	w.lock.Lock()
	w.store(id, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{contract.LabelSource: "pigeons", "batch.kubernetes.io/job-name": job}},
		"status": map[string]any{"phase": phase, "containerStatuses": []any{
			map[string]any{"name": "feedlet", "state": map[string]any{"terminated": map[string]any{"message": words}}},
		}},
	})
	w.live[id].Ours = false // it has our label and no tracking id
	w.lock.Unlock()
	w.edit(jobID(job), func(o map[string]any) {
		o["status"] = map[string]any{"conditions": []any{map[string]any{"type": condition, "status": "True", "reason": "R", "message": "m"}}}
	})
}

func podID(job string) manifest.ID {
	return manifest.ID{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: job + "-x"}
}

func (w *world) farewell(job string) string {
	return w.live[jobID(job)].Annotations[contract.AnnotationFarewell]
}

func TestFeeds_AnImageOfOnesOwnStartsAndIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.push("feed", pigeons)
	w.pass()
	jobs := w.jobs()
	if len(jobs) != 1 || w.spec("pigeons").State != status.Progressing {
		t.Fatalf("jobs %v, %+v", jobs, w.spec("pigeons"))
	}
	w.starts(jobs[0], "Succeeded", "Complete", "eyJpZCI6N30=\n")
	wantWrites(t, w.pass(), "update Job "+jobs[0])
	if s := w.spec("pigeons"); s.State != status.Ready || !strings.Contains(w.farewell(jobs[0]), `"FEED_CONTEXT":"eyJpZCI6N30="`) {
		t.Errorf("%+v, farewell %s", s, w.farewell(jobs[0]))
	}
	// Pods of Jobs that are done go; what they said stays.
	delete(w.live, podID(jobs[0]))
	wantWrites(t, w.pass())
	w.start()
	wantWrites(t, w.pass())
	if s := w.spec("pigeons"); s.State != status.Ready {
		t.Errorf("without its pod: %+v", s)
	}
}

func TestFeeds_AStartThatFailsSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.push("feed", pigeons)
	w.pass()
	job := w.jobs()[0]
	w.starts(job, "Failed", "SuccessCriteriaMet", "no such roof")
	wantWrites(t, w.pass())
	if s := w.spec("pigeons"); s.State != status.Failed || s.Reason != "it is not started yet, and is tried again: no such roof" {
		t.Errorf("after the first try: %+v", s)
	}
	w.starts(job, "Failed", "Failed", "no such roof")
	wantWrites(t, w.pass())
	want := "it could not be started (no such roof); to try again: kubectl -n default delete job " + job
	if s := w.spec("pigeons"); s.State != status.Failed || s.Reason != want {
		t.Errorf("%+v", s)
	}
}

func TestFeeds_WhatBreaksStopsNoFeed_WhatChangesStartsAnotherFirst(t *testing.T) {
	w := newWorld(t)
	w.push("feed", pigeons)
	w.pass()
	first := w.jobs()[0]
	w.starts(first, "Succeeded", "Complete", "e30=")
	w.pass()
	w.push("broken", map[string]string{"source.yaml": strings.Replace(pigeons["source.yaml"], "image:", "imge:", 1)})
	w.pass()
	w.now = w.now.Add(plan.DefaultPolicy().Grace + time.Second)
	wantWrites(t, w.pass())
	w.push("another roof", map[string]string{"source.yaml": pigeons["source.yaml"], "feed.yaml": strings.Replace(pigeons["feed.yaml"], "roof", "tower", 1)})
	w.pass()
	if jobs := w.jobs(); len(jobs) != 2 {
		t.Fatalf("jobs %v: the first goes before the second has started", jobs)
	}
	w.now = w.now.Add(plan.DefaultPolicy().Grace + time.Second)
	wantWrites(t, w.pass(), "delete Job "+first)
}
