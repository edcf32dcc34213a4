package engine

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestEngine_AFailedActivationIsReportedUntilOneSucceeds(t *testing.T) {
	w := newWorld(t)
	name := w.serve("one")
	says := func(s string) {
		w.edit(deploymentID(name), func(m map[string]any) {
			m["spec"].(map[string]any)["replicas"] = 0
			m["status"].(map[string]any)["availableReplicas"] = 0
			m["metadata"].(map[string]any)["annotations"].(map[string]any)[contract.AnnotationActivation] = s
		})
	}
	says(`{"result":"Failed","error":"ErrImagePull: no such image","at":"2026-01-02T03:04:05Z"}`)
	wantWrites(t, w.pass()) // the engine heals nothing of it, and moves no traffic
	s := w.spec("hello")
	if s.State != status.Failed || !strings.Contains(s.Reason, "ActivationFailed: ErrImagePull: no such image") || s.Revisions[0].LastActivation.Result != "Failed" || len(s.Traffic) != 1 {
		t.Errorf("%+v", s)
	}
	reports := len(w.reports)
	w.pass()
	if !status.Equal(w.reports[reports-1], w.report()) {
		t.Error("the same is told again as news")
	}
	says(`{"result":"Succeeded","at":"2026-01-02T03:05:05Z"}`)
	wantWrites(t, w.pass())
	if s := w.spec("hello"); s.State != status.Ready || s.Revisions[0].LastActivation.Result != "Succeeded" {
		t.Errorf("%+v", s)
	}
}

func TestEngine_AnOldRevisionsHorizontalPodAutoscalerStaysWithIt(t *testing.T) {
	w := newWorld(t)
	hpa := func(target string) string {
		return strings.Replace(hello("hello", target), "    spec:", "    metadata:\n      annotations: {autoscaling.knative.dev/class: hpa.autoscaling.knative.dev}\n    spec:", 1)
	}
	w.push("first", map[string]string{"hello.yaml": hpa("one")})
	w.pass()
	first := w.revisions("hello")[0]
	w.ready(first)
	w.pass()
	w.push("second", map[string]string{"hello.yaml": hpa("two")})
	w.pass()
	w.ready(w.revisions("hello")...)
	w.pass()
	w.now = w.now.Add(10 * 60 * 1e9)
	wantWrites(t, w.pass())
	n := 0
	for id := range w.Live() {
		if id.Kind == "HorizontalPodAutoscaler" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d HorizontalPodAutoscalers, want one for each of two revisions", n)
	}
}
