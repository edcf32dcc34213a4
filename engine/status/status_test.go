package status

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/schema"
)

var hello = schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: "hello"}

// report is one of one spec with one revision.
func report(commit string, state State, revision Revision, traffic ...Share) Report {
	return Report{
		Branch: "main", Commit: commit, Subject: "subject of " + commit, State: state,
		Specs: []Spec{{Identity: hello, State: state, Revisions: []Revision{revision}, Traffic: traffic}},
	}
}

func TestBetween(t *testing.T) {
	waiting := report("aaaaaaaaaa", Progressing, Revision{Name: "hello-1"})
	serving := report("aaaaaaaaaa", Ready, Revision{Name: "hello-1", Ready: true}, Share{Revision: "hello-1", Percent: 100})
	failing := report("aaaaaaaaaa", Failed, Revision{Name: "hello-1", Reason: "ErrImagePull: no such image"})
	forced := serving
	forced.Commit, forced.Rewritten = "bbbbbbbbbb", true
	away := serving
	away.Error = "connection refused"
	refused := report("aaaaaaaaaa", Failed, Revision{Name: "hello-1", Ready: true}, Share{Revision: "hello-1", Percent: 100})
	refused.Specs[0].Reason = "Deployment is somebody else's"
	invalid := serving
	invalid.Commit, invalid.State = "cccccccccc", Invalid
	invalid.Problems = []schema.Problem{{File: "a.yaml", Line: 3, Column: 1, Text: "unknown field", Identity: hello}}

	tests := []struct {
		name       string
		prev, next Report
		want       []string
	}{
		{"nothing", serving, serving, nil},
		{"a first commit", Report{}, waiting, []string{"SyncStarted: commit aaaaaaa: subject of aaaaaaaaaa"}},
		{"ready", waiting, serving, []string{
			"RevisionReady: revision hello-1 is ready", "TrafficMoved: traffic: 100% hello-1", "SyncSucceeded: commit aaaaaaa: 1 specs ready"}},
		{"failed", waiting, failing, []string{
			"RevisionFailed: revision hello-1: ErrImagePull: no such image", "SyncFailed: commit aaaaaaa: Service.serving.knative.dev default/hello: "}},
		{"force-pushed", serving, forced, []string{
			"SyncStarted: commit bbbbbbb: subject of aaaaaaaaaa",
			"HistoryRewritten: branch main was force-pushed from aaaaaaa to bbbbbbb; following it",
			"SyncSucceeded: commit bbbbbbb: 1 specs ready"}},
		{"the remote is away", serving, away, []string{"SyncFailed: connection refused"}},
		{"refused", serving, refused, []string{
			"SpecFailed: Service.serving.knative.dev default/hello: Deployment is somebody else's",
			"SyncFailed: commit aaaaaaa: Service.serving.knative.dev default/hello: Deployment is somebody else's"}},
		{"refused still", refused, refused, nil},
		{"invalid", serving, invalid, []string{
			"SyncStarted: commit ccccccc: subject of aaaaaaaaaa", "SpecInvalid: a.yaml:3:1: unknown field",
			"SyncFailed: commit ccccccc: a.yaml:3:1: unknown field"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range Between(tt.prev, tt.next) {
				got = append(got, e.Type.Reason()+": "+e.Message)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestReport_SurvivesJSON(t *testing.T) {
	r := report("aaaaaaaaaa", Ready, Revision{Name: "hello-1", Ready: true}, Share{Revision: "hello-1", Percent: 100})
	r.Problems = []schema.Problem{{File: "a.yaml", Text: "x", Severity: schema.Warning}}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil || !Equal(r, back) {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestFailure_NamesAFewAndCountsTheRest(t *testing.T) {
	r := Report{Commit: "aaaaaaaaaa"}
	for range 9 {
		r.Specs = append(r.Specs, Spec{Identity: hello, State: Failed, Reason: "no quota"})
	}
	if got := failure(r); !strings.HasSuffix(got, "; and 4 more") || strings.Count(got, "no quota") != 5 {
		t.Error(got)
	}
}
