package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "It's a Secret to Everybody"

type sink struct {
	mu  sync.Mutex
	err error
	got []cloudevents.Event
}

func (s *sink) Send(_ context.Context, e *cloudevents.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.got = append(s.got, *e)
	}
	return s.err
}

func handler(t *testing.T, s *sink, gh contract.GitHubSource) *Handler {
	t.Helper()
	h, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "hooks"}, GitHub: &gh}, Secret: secret, Sink: s,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func deliver(h http.Handler, id, event, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Delivery", id)
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-Hub-Signature-256", sign(body))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The vector that GitHub documents.
func TestVerify_KnownVector(t *testing.T) {
	h := handler(t, &sink{}, contract.GitHubSource{})
	if p := h.verify("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", []byte("Hello, World!")); p != nil {
		t.Errorf("refused: %s", p.text)
	}
}

const pull = `{"action":"opened","number":7, "unknown": [1.50, "\u00e9"],
 "pull_request":{"number":7},"repository":{"name":"r","full_name":"o/r","html_url":"https://github.com/o/r","owner":{"login":"o"}},"sender":{"login":"s"}}`

func TestServe_AnEventIsThePayloadByteForByte(t *testing.T) {
	s := &sink{}
	h := handler(t, s, contract.GitHubSource{Repository: "o/r"})
	if w := deliver(h, "d1", "pull_request", pull, nil); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	e := s.got[0]
	if string(e.Data) != pull || e.ID != "d1" || e.Type != "dev.knative.source.github.pull_request" || e.Source != "https://github.com/o/r" ||
		e.Subject != "7" || e.DataContentType != "application/json" {
		t.Errorf("%+v", e)
	}
	for name, want := range map[string]string{"owner": "o", "repository": "r", "sender": "s", "action": "opened", "githubevent": "pull_request"} {
		if got, _ := e.Attribute(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestServe_SubjectIsWhatItIsAbout(t *testing.T) {
	for _, c := range []struct{ event, payload, want string }{
		{"push", `{"ref":"refs/heads/main"}`, "refs/heads/main"},
		{"create", `{"ref":"v1","ref_type":"tag"}`, "v1"},
		{"issues", `{"issue":{"number":12}}`, "12"},
		{"issue_comment", `{"issue":{"number":12},"comment":{"html_url":"https://github.com/o/r/issues/12#issuecomment-5"}}`, "12#issuecomment-5"},
		{"check_run", `{"check_run":{"id":99}}`, "99"},
		{"workflow_run", `{"workflow_run":{"id":98}}`, "98"},
		{"gollum", `{"pages":[{"page_name":"A"},{"page_name":"B"}]}`, "A,B"},
		{"release", `{"release":{"tag_name":"v1.2"}}`, "v1.2"},
		{"gollum", `{"pages":[{"page_name":"no text\u0007"}]}`, ""}, // it stays in the data
		{"issues", `{"issue":{"number":"twelve"}}`, ""},
		{"something_new", `{"whatever":true,"label":"not an object"}`, ""},
	} {
		s := &sink{}
		if w := deliver(handler(t, s, contract.GitHubSource{Repository: "o/r"}), "d", c.event, c.payload, nil); w.Code != http.StatusAccepted {
			t.Errorf("%s: %d %s", c.event, w.Code, w.Body)
			continue
		}
		if got := s.got[0].Subject; got != c.want {
			t.Errorf("%s: subject %q, want %q", c.event, got, c.want)
		}
	}
}

func TestServe_FormEncoding(t *testing.T) {
	s := &sink{}
	form := url.Values{"payload": {pull}}.Encode()
	w := deliver(handler(t, s, contract.GitHubSource{}), "d", "pull_request", form, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	if w.Code != http.StatusAccepted || string(s.got[0].Data) != pull {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestServe_EachWrongDeliveryHasItsAnswer(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name, body string
		change     func(*http.Request)
		status     int
		want       string
	}{
		{"no signature", pull, header("X-Hub-Signature-256", ""), 401, "X-Hub-Signature-256 is missing"},
		{"short signature", pull, header("X-Hub-Signature-256", "sha2"), 401, "is not sha256= and 64 hex digits"},
		{"SHA-1 in its place", pull, header("X-Hub-Signature-256", "sha1="+strings.Repeat("0", 40)), 401, "is not sha256="},
		{"of another body", pull, header("X-Hub-Signature-256", sign(pull+" ")), 401, "the signature does not match"},
		{"another type", pull, header("Content-Type", "text/xml"), 415, "the content type has to be"},
		{"a form without payload", "a=b", header("Content-Type", "application/x-www-form-urlencoded"), 400, "the form has no payload"},
		{"no delivery id", pull, header("X-GitHub-Delivery", ""), 400, "X-GitHub-Delivery or"},
		{"no JSON", "{", nil, 400, "the payload is no JSON object"},
		{"GET", "", func(r *http.Request) { r.Method = http.MethodGet }, 405, "deliveries are POSTed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &sink{}
			w := deliver(handler(t, s, contract.GitHubSource{}), "d", "pull_request", c.body, c.change)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || len(s.got) != 0 {
				t.Errorf("got %d %s, %d events; want %d %s", w.Code, w.Body, len(s.got), c.status, c.want)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Error("the secret was told")
			}
		})
	}
}

func TestServe_ADeliveryIsSentOnceAndOnlyKnownWhenTaken(t *testing.T) {
	s := &sink{err: errors.New("down")}
	h := handler(t, s, contract.GitHubSource{})
	if w := deliver(h, "d1", "push", `{}`, nil); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Fatalf("sink down: %d", w.Code)
	}
	s.err = source.ErrRefused
	if w := deliver(h, "d1", "push", `{}`, nil); w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("sink refuses: %d", w.Code)
	}
	s.err = nil
	for range 3 {
		if w := deliver(h, "d1", "push", `{}`, nil); w.Code != http.StatusAccepted {
			t.Fatalf("again: %d", w.Code)
		}
	}
	if len(s.got) != 1 {
		t.Errorf("sent %d times", len(s.got))
	}
}

func TestServe_OnlyEventsAskedFor(t *testing.T) {
	s := &sink{}
	h := handler(t, s, contract.GitHubSource{Events: []string{"push"}, EventType: "pushed"})
	for id, event := range map[string]string{"1": "push", "2": "issues", "3": "ping"} {
		if w := deliver(h, id, event, `{"zen":"z"}`, nil); w.Code != http.StatusAccepted {
			t.Errorf("%s: %d", event, w.Code)
		}
	}
	if len(s.got) != 2 || s.got[0].Type != "pushed" {
		t.Errorf("%+v", s.got)
	}
}

func TestNew_NoSecretNoSource(t *testing.T) {
	_, err := New(Config{Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "hooks"}, GitHub: &contract.GitHubSource{}}})
	if err == nil || !strings.HasPrefix(err.Error(), "shop/hooks: no secret to check deliveries with: set GITHUB_SECRET_TOKEN") {
		t.Errorf("got %v", err)
	}
}

func FuzzServe(f *testing.F) {
	f.Add("application/json", pull)
	f.Add("application/x-www-form-urlencoded", "payload=%7B%7D")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		s := &sink{}
		w := deliver(handler(t, s, contract.GitHubSource{}), "d", "push", body, func(r *http.Request) { r.Header.Set("Content-Type", contentType) })
		if (w.Code == http.StatusAccepted) != (len(s.got) == 1) {
			t.Errorf("%d and %d events", w.Code, len(s.got))
		}
	})
}

// forge is the part of GitHub's API that knows hooks.
type forge struct {
	t     *testing.T
	hooks map[string]hook
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer token" {
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var h hook
	_ = json.Unmarshal(body, &h)
	switch r.Method + " " + r.URL.Path {
	case "GET /repos/o/r/hooks":
		list := []hook{}
		for _, h := range f.hooks {
			h.Config.Secret = "********"
			list = append(list, h)
		}
		_ = json.NewEncoder(w).Encode(list)
	case "POST /repos/o/r/hooks":
		h.ID = 5
		f.hooks["5"] = h
		w.WriteHeader(http.StatusCreated)
	case "PATCH /repos/o/r/hooks/5":
		h.ID = 5
		f.hooks["5"] = h
	case "DELETE /repos/o/r/hooks/5":
		delete(f.hooks, "5")
		w.WriteHeader(http.StatusNoContent)
	default:
		f.t.Errorf("%s %s", r.Method, r.URL)
	}
}

func TestHooks_RegisterChangeRemove(t *testing.T) {
	f := &forge{t: t, hooks: map[string]hook{"1": {ID: 1, Config: hookConfig{URL: "https://elsewhere/"}}}}
	server := httptest.NewServer(f)
	defer server.Close()
	h := Hooks{Source: contract.GitHubSource{Repository: "o/r", API: server.URL + "/", Hook: "https://hooks.example.com/"}, Token: "token", Secret: secret, Client: server.Client()}
	for _, events := range [][]string{nil, {"push"}} {
		h.Source.Events = events
		if err := h.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.hooks["5"]; len(f.hooks) != 2 || got.Config.Secret != secret || got.Config.ContentType != "json" || strings.Join(got.Events, ",") != "push" {
		t.Errorf("%+v", f.hooks)
	}
	for range 2 {
		if err := h.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.hooks) != 1 {
		t.Errorf("left: %+v", f.hooks)
	}
	h.Token = "old"
	err := h.Ensure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Bad credentials; is the access token still valid?") || bytes.Contains([]byte(err.Error()), []byte("old")) {
		t.Errorf("got %v", err)
	}
}

// TestServe_RealPayloads takes the file of the npm package
// @octokit/webhooks-examples: every event that GitHub documents.
func TestServe_RealPayloads(t *testing.T) {
	path := os.Getenv("SLUICE_WEBHOOKS_EXAMPLES")
	if path == "" {
		t.Skip("SLUICE_WEBHOOKS_EXAMPLES does not name index.json of @octokit/webhooks-examples; make buses sets it")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(b, &kinds); err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	h := handler(t, s, contract.GitHubSource{Repository: "o/r"})
	n := 0
	for _, k := range kinds {
		for _, example := range k.Examples {
			n++
			if w := deliver(h, fmt.Sprint(n), k.Name, string(example), nil); w.Code != http.StatusAccepted {
				t.Errorf("%s: %d %s", k.Name, w.Code, w.Body)
			} else if !bytes.Equal(s.got[len(s.got)-1].Data, example) {
				t.Errorf("%s: the payload was changed", k.Name)
			}
		}
	}
	t.Logf("%d payloads of %d events", n, len(kinds))
	if n < 100 {
		t.Errorf("only %d payloads in %s", n, path)
	}
}
