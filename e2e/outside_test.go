package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafka TOPIC: start a Kafka of the story's own, with one topic; $KAFKA is where.
func kafka(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kafka TOPIC")
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, args[0]))
	ts.Check(err)
	ts.Defer(c.Close)
	ts.Setenv("KAFKA", c.ListenAddrs()[0])
}

// produce TOPIC KEY VALUE [HEADER=VALUE...]: write a record to $KAFKA.
func produce(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: produce TOPIC KEY VALUE [HEADER=VALUE...]")
	}
	record := &kgo.Record{Topic: args[0], Key: []byte(args[1]), Value: []byte(args[2])}
	for _, pair := range args[3:] {
		key, value, _ := strings.Cut(pair, "=")
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("KAFKA")))
	ts.Check(err)
	defer c.Close()
	ts.Check(c.ProduceSync(context.Background(), record).FirstErr())
}

// github: start a GitHub of the story's own, which has no more than hooks;
// $GITHUB is its API.
func github(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: github")
	}
	h := &hooks{of: map[string]map[int]json.RawMessage{}}
	server := httptest.NewServer(h)
	ts.Defer(server.Close)
	ts.Setenv("GITHUB", server.URL)
}

// hooks is GitHub's API, as far as a source asks for it. GET /told/OWNER/REPO
// is the test's own: the hooks' URLs and events.
type hooks struct {
	mu   sync.Mutex
	of   map[string]map[int]json.RawMessage
	last int
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if repo, ok := strings.CutPrefix(r.URL.Path, "/told/"); ok {
		fmt.Fprint(w, h.told(repo))
		return
	}
	repo, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/repos/"), "/hooks")
	if !ok || r.Header.Get("Authorization") != "Bearer tok-en" {
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	h.hook(w, r, repo, strings.TrimPrefix(rest, "/"))
}

func (h *hooks) hook(w http.ResponseWriter, r *http.Request, repo, name string) {
	var id int
	_, _ = fmt.Sscan(name, &id) // none is a new one's, or all
	switch r.Method {
	case http.MethodGet:
		all := []json.RawMessage{}
		for _, hook := range h.of[repo] {
			all = append(all, hook)
		}
		_ = json.NewEncoder(w).Encode(all)
	case http.MethodDelete:
		delete(h.of[repo], id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost, http.MethodPatch:
		var hook map[string]any
		if json.NewDecoder(r.Body).Decode(&hook) != nil {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		h.last++
		id = cmp.Or(id, h.last)
		hook["id"] = id
		if h.of[repo] == nil {
			h.of[repo] = map[int]json.RawMessage{}
		}
		h.of[repo][id], _ = json.Marshal(hook) // it was JSON
		_, _ = w.Write(h.of[repo][id])
	}
}

func (h *hooks) told(repo string) string {
	var all []string
	for _, raw := range h.of[repo] {
		var hook struct {
			Events []string
			Config struct{ URL, Secret string }
		}
		_ = json.Unmarshal(raw, &hook) // we wrote it
		all = append(all, fmt.Sprint(hook.Config.URL, " ", hook.Events, " ", hook.Config.Secret))
	}
	return strings.Join(all, "; ")
}

// hooked REPOSITORY TEXT: within a while, these are the hooks of a repository.
func hooked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hooked REPOSITORY TEXT")
	}
	awaitFor(ts, 3*patience, args[1], func() string {
		resp, err := http.Get(ts.Getenv("GITHUB") + "/told/" + args[0])
		ts.Check(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		ts.Check(err)
		return string(text)
	})
}
