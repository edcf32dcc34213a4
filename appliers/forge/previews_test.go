package forge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

const head = "9876543210987654321098765432109876543210"

func shop(change func(*status.Previewed)) status.Previewed {
	s := status.Previewed{
		Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: "shop"},
		Revision: "shop-2", Tag: "pr-7", URL: "http://pr-7-shop.default.example.com", Ready: true,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestStatuses_OfThePreviewedCommit(t *testing.T) {
	const url = "http://pr-7-shop.default.example.com"
	tests := []struct {
		name        string
		preview     status.Preview
		state       State
		text        string
		service     State // of the one Service; empty if there is none
		serviceText string
	}{
		{name: "runs", preview: status.Preview{Open: true, Services: []status.Previewed{shop(nil)}}, state: Success, text: "answers at " + url, service: Success, serviceText: "answers at " + url},
		{name: "starts", preview: status.Preview{Open: true, Services: []status.Previewed{shop(func(s *status.Previewed) { s.Ready = false })}},
			state: Pending, text: "shop: revision shop-2 is not ready yet", service: Pending, serviceText: "revision shop-2 is not ready yet"},
		{name: "does not start", preview: status.Preview{Open: true, Services: []status.Previewed{shop(func(s *status.Previewed) {
			s.Ready, s.Failed, s.Reason = false, true, "ExitCode1: no database"
		})}}, state: Failure, text: "shop: ExitCode1: no database", service: Failure, serviceText: "ExitCode1: no database"},
		{name: "is found worse", preview: status.Preview{Open: true, Services: []status.Previewed{shop(func(s *status.Previewed) { s.Failed, s.Reason = true, "it is on hold" })}},
			state: Failure, text: "shop: it is on hold", service: Failure, serviceText: "it is on hold"},
		{name: "gets less than it asks for", preview: status.Preview{Open: true, Services: []status.Previewed{shop(func(s *status.Previewed) { s.Reason = "it gets 5 %" })}},
			state: Success, text: "answers at " + url, service: Success, serviceText: "it gets 5 %"},
		{name: "is refused in part", preview: status.Preview{Open: true, Problems: []string{"it changes a volume"}, Services: []status.Previewed{shop(nil)}},
			state: Failure, text: "it changes a volume", service: Success, serviceText: "answers at " + url},
		{name: "changes nothing that runs", preview: status.Preview{Open: true}, state: Success, text: "it changes no Service's template: there is nothing to preview"},
		{name: "is not let in", preview: status.Preview{State: status.Progressing, Reason: "anybody may push to it"}, state: Pending, text: "anybody may push to it"},
		{name: "is too large", preview: status.Preview{State: status.Failed, Reason: "it changes too many files"}, state: Failure, text: "it changes too many files"},
		{name: "is merged", preview: status.Preview{State: status.Ready, Over: true, Reason: "it is merged"}, state: Success, text: "it is merged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.preview
			p.Ref, p.Commit = "refs/pull/7/head", head
			if p.Open {
				p.Judge()
			}
			want := []Status{{Commit: head, Context: "sluice/preview", State: tt.state, Text: tt.text, Last: p.Over}}
			if tt.service != "" {
				if len(p.Problems) == 0 {
					want[0].URL = url
				}
				want = append(want, Status{Commit: head, Context: "sluice/preview/Service/default/shop", State: tt.service, Text: tt.serviceText, URL: url})
			}
			if d := cmp.Diff(want, previews(status.Report{Commit: commit, Previews: []status.Preview{p}})); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestStatuses_OfTwoRefsAtOneCommitTheWorseIsTold(t *testing.T) {
	r := status.Report{Commit: commit, Previews: []status.Preview{
		{Ref: "refs/heads/preview/a", Commit: head, Open: true, State: status.Ready},
		{Ref: "refs/pull/7/head", Commit: head, State: status.Progressing, Reason: "held"},
	}}
	if got := previews(r); len(got) != 1 || got[0].State != Pending || got[0].Text != "held" {
		t.Errorf("%+v", got)
	}
}

func TestStatuses_ManyHeldPreviewsAreBounded(t *testing.T) {
	r := status.Report{Commit: commit}
	for i := range 1000 {
		r.Previews = append(r.Previews, status.Preview{Ref: "refs/pull/x/head", Commit: strings.Repeat("0", 35) + fmt.Sprintf("%05d", i), State: status.Progressing, Reason: "held"})
	}
	if n := len(previews(r)); n != maxHeld {
		t.Errorf("%d statuses, want %d", n, maxHeld)
	}
}

func TestReporter_TellsTheEndOnlyWhereItToldTheBeginning(t *testing.T) {
	url, calls := server(t)
	r := start(t, GitHub, url)
	report := func(p ...status.Preview) status.Report {
		return status.Report{Commit: commit, State: status.Ready, Previews: p}
	}
	open := status.Preview{Ref: "refs/pull/7/head", Commit: head, Open: true, State: status.Progressing, Services: []status.Previewed{shop(func(s *status.Previewed) { s.Ready = false })}}
	merged := status.Preview{Ref: open.Ref, Commit: head, State: status.Ready, Over: true, Reason: "it is merged"}
	ancient := status.Preview{Ref: "refs/pull/1/head", Commit: strings.Repeat("1", 40), State: status.Progressing, Over: true, Reason: "it is too old"}
	r.Report(status.Report{}, report(open, ancient))
	for _, want := range []string{commit, head, head} {
		if got := <-calls; !strings.HasSuffix(got.Path, want) {
			t.Errorf("%v, want %s", got, want)
		}
	}
	r.Report(report(open, ancient), report(merged, ancient))
	if got := <-calls; !strings.HasSuffix(got.Path, head) || got.Body["description"] != "it is merged" {
		t.Errorf("%v", got)
	}
	r.Report(report(merged, ancient), status.Report{Commit: commit, Error: "the remote is away"})
	if got := <-calls; got.Body["description"] != "the remote is away" { // nothing about the ancient one before it
		t.Errorf("%v", got)
	}
}
