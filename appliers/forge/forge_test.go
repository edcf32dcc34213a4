package forge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const commit = "0123456789012345678901234567890123456789"

func spec(name, commit string, state status.State, reason string) status.Spec {
	return status.Spec{
		Identity: schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: name},
		Commit:   commit, State: state, Reason: reason,
		Traffic: []status.Share{{Revision: name + "-1", Percent: 100}, {Revision: name + "-0", Tag: "old"}},
	}
}

func TestPlaceOf(t *testing.T) {
	tests := []struct {
		name, url string
		kind      Kind
		api       string
		want      Place
		err       string
	}{
		{name: "github", url: "https://github.com/you/specs.git", want: Place{GitHub, "https://api.github.com", "you/specs"}},
		{name: "github over ssh", url: "git@github.com:you/specs", want: Place{GitHub, "https://api.github.com", "you/specs"}},
		{name: "github enterprise", url: "ssh://git@github.example.com:2222/you/specs", want: Place{GitHub, "https://github.example.com/api/v3", "you/specs"}},
		{name: "gitlab, in groups", url: "https://gitlab.com/a/b/specs", want: Place{GitLab, "https://gitlab.com/api/v4", "a/b/specs"}},
		{name: "gitea, by its port", url: "https://git.example.com:3000/you/specs/", kind: Gitea, want: Place{Gitea, "https://git.example.com:3000/api/v1", "you/specs"}},
		{name: "an API elsewhere", url: "https://git.example.com/you/specs", kind: Gitea, api: "http://gitea.local/api/v1/", want: Place{Gitea, "http://gitea.local/api/v1", "you/specs"}},
		{name: "unknown software", url: "https://git.example.com/you/specs", err: "say --forge github, gitlab or gitea"},
		{name: "a folder", url: "/srv/specs.git", err: "is no repository at a forge"},
		{name: "a password is not told", url: "https://me:secret@git.example.com", err: "https://git.example.com is no repository"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := PlaceOf(tt.url, tt.kind, tt.api)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestStatuses_OneForEachSpecThatTheCommitTouched(t *testing.T) {
	old := status.Report{Commit: "old", State: status.Ready, Specs: []status.Spec{
		spec("broken", "old", status.Ready, ""), spec("changed", "old", status.Ready, ""), spec("other", "old", status.Ready, "")}}
	next := status.Report{Commit: commit, State: status.Invalid,
		Problems: []schema.Problem{{File: "broken.yaml", Line: 3, Text: "unknown field"}},
		Specs: []status.Spec{
			spec("broken", "old", status.Invalid, "broken.yaml:3:1: unknown field"),
			spec("changed", commit, status.Progressing, "revision changed-2 is not ready yet"), spec("other", "old", status.Ready, "")}}
	later := status.Report{Commit: commit, State: status.Invalid, Problems: next.Problems, Specs: []status.Spec{
		next.Specs[0], spec("changed", commit, status.Ready, ""), next.Specs[2]}}

	var about touched
	about.follow(old, next)
	about.follow(next, later)
	want := []Status{
		{Commit: commit, Context: "sluice", State: Failure, Text: "broken.yaml:3:1: unknown field"},
		{Commit: commit, Context: "sluice/Service/default/broken", State: Failure, Text: "broken.yaml:3:1: unknown field"},
		{Commit: commit, Context: "sluice/Service/default/changed", State: Success, Text: "100% changed-1"},
	}
	if d := cmp.Diff(want, statuses(later, about.specs)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := statuses(next, about.specs)[2]; got.State != Pending || got.Text != "revision changed-2 is not ready yet" {
		t.Errorf("under way: %+v", got)
	}
}

func TestStatuses_ALongTextIsCutBetweenCharacters(t *testing.T) {
	if got := line(strings.Repeat("ü", 100) + "\nend"); len(got) > maxText || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// call is what a forge was asked.
type call struct {
	Path, Auth string
	Body       map[string]string
}

// server is a forge that gives these answers, one after the other, then 201.
func server(t *testing.T, answers ...func(http.ResponseWriter)) (url string, calls <-chan call) {
	ch := make(chan call, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{Path: r.Method + " " + r.URL.EscapedPath(), Auth: r.Header.Get("Authorization") + r.Header.Get("Private-Token")}
		if err := json.NewDecoder(r.Body).Decode(&c.Body); err != nil {
			t.Error(err)
		}
		if len(answers) > 0 {
			answer := answers[0]
			answers = answers[1:]
			answer(w)
		} else {
			w.WriteHeader(http.StatusCreated)
		}
		ch <- c
	}))
	t.Cleanup(s.Close)
	return s.URL, ch
}

// start runs a reporter against a forge until the test ends.
func start(t *testing.T, kind Kind, url string) *Reporter {
	transport := &http.Transport{}
	r, err := New(Config{
		Place: Place{kind, url, "you/specs"}, Token: func() (string, error) { return "s3cret\n", nil },
		Client: &http.Client{Transport: transport}, Every: time.Millisecond, Wait: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return r
}

func TestReporter_SpeaksEveryForgesWords(t *testing.T) {
	tests := []struct {
		kind       Kind
		path, auth string
		body       map[string]string
	}{
		{GitHub, "POST /repos/you/specs/statuses/" + commit, "Bearer s3cret", map[string]string{"state": "failure", "context": "sluice", "description": "the remote is away"}},
		{GitLab, "POST /projects/you%2Fspecs/statuses/" + commit, "s3cret", map[string]string{"state": "failed", "name": "sluice", "description": "the remote is away"}},
		{Gitea, "POST /repos/you/specs/statuses/" + commit, "token s3cret", map[string]string{"state": "failure", "context": "sluice", "description": "the remote is away"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			url, calls := server(t)
			start(t, tt.kind, url).Report(status.Report{}, status.Report{Commit: commit, Error: "the remote is away"})
			if d := cmp.Diff(call{tt.path, tt.auth, tt.body}, <-calls); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestReporter_SaysEachThingOnce(t *testing.T) {
	url, calls := server(t)
	r := start(t, GitHub, url)
	ready := status.Report{Commit: commit, State: status.Ready, Specs: []status.Spec{spec("a", commit, status.Ready, "")}}
	waiting := status.Report{Commit: commit, State: status.Progressing, Specs: []status.Spec{spec("a", commit, status.Progressing, "no pod yet")}}
	r.Report(status.Report{}, waiting)
	for _, want := range []string{"pending Service a: no pod yet", "pending no pod yet"} {
		if got := <-calls; got.Body["state"]+" "+got.Body["description"] != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	r.Report(waiting, waiting)
	r.Report(waiting, ready)
	for _, want := range []string{"success everything is as the commit says", "success 100% a-1"} {
		if got := <-calls; got.Body["state"]+" "+got.Body["description"] != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}

func answer(status int, header, value string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
	}
}

func TestReporter_TriesAgainWhatMayHelpAndNothingElse(t *testing.T) {
	url, calls := server(t, answer(500, "", ""), answer(429, "Retry-After", "0"), answer(403, "X-RateLimit-Remaining", "0"), answer(201, "", ""), answer(404, "", ""))
	r := start(t, GitHub, url)
	r.Report(status.Report{}, status.Report{Commit: commit, Error: "first"})
	for range 4 {
		if got := <-calls; got.Body["description"] != "first" {
			t.Errorf("%v", got)
		}
	}
	r.Report(status.Report{Commit: commit, Error: "first"}, status.Report{Commit: commit, Error: "second"})
	if got := <-calls; got.Body["description"] != "second" { // refused for good
		t.Errorf("%v", got)
	}
	r.Report(status.Report{Commit: commit, Error: "second"}, status.Report{Commit: commit, Error: "third"})
	if got := <-calls; got.Body["description"] != "third" {
		t.Errorf("%v", got)
	}
}

func TestJudge(t *testing.T) {
	request := httptest.NewRequest(http.MethodPost, "http://forge.example/x", nil)
	tests := []struct {
		name   string
		kind   Kind
		status int
		header http.Header
		body   string
		again  time.Duration
		err    string
		final  bool
	}{
		{name: "done", status: 201},
		{name: "GitLab has it already", kind: GitLab, status: 400, body: `{"message":"Cannot transition status via :enqueue from :pending"}`},
		{name: "wait", status: 429, header: http.Header{"Retry-After": {"7"}}, again: 7 * time.Second, err: "429"},
		{name: "no rights", status: 403, err: "does the token of --forge-secret allow", final: true},
		{name: "unknown commit", status: 422, body: "No commit found for SHA", err: "No commit found", final: true},
		{name: "down", status: 502, err: "502"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			again, err := judge(tt.kind, &http.Response{StatusCode: tt.status, Status: http.StatusText(tt.status) + " " + tt.err, Header: tt.header, Request: request}, tt.body)
			_, final := err.(refusal)
			if again != tt.again || final != tt.final || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v, %v", again, err)
			}
		})
	}
}
