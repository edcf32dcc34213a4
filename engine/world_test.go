package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/plain"
)

// world is a repository and a cluster in memory: objects are stored as they
// are applied, versions count up, and nothing happens by itself.
type world struct {
	t       testing.TB
	lock    sync.Mutex
	commits []commit
	blobs   map[string]string
	// sizes are those of files, by path, that are not as large as their text.
	sizes   map[string]int64
	live    plan.Live
	version int
	writes  []string
	// refuse, if set, makes the error of a step; nil lets it through.
	refuse func(plan.Step) error
	// trouble is what is wrong with the pods of every revision that is not ready.
	trouble plan.Trouble
	// gone makes the repository unreadable.
	gone error
	// refs are further references by full name: tags, branches.
	refs     map[string]commit
	branches int
	// unlisted makes the references unreadable.
	unlisted error
	// compared counts how often branches were.
	compared int
	changes  chan struct{}
	moves    chan struct{}
	now      time.Time
	reports  []status.Report
	engine   *Engine
}

type commit struct {
	git.Commit
	files map[string]string
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, blobs: map[string]string{}, live: plan.Live{}, refs: map[string]commit{},
		changes: make(chan struct{}, 1), moves: make(chan struct{}, 1),
		now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	w.start()
	return w
}

// start makes a new engine on the same world: a restart.
func (w *world) start() {
	var last status.Report
	if len(w.reports) > 0 {
		last = w.report()
	}
	e, err := New(Config{
		Last: last,
		Name: "memory", Branch: "main", Repository: w, References: w, Observer: w, Applier: w, Reporter: w, Inspector: w,
		Kinds:  schema.NewKinds(catalog.Kinds(plain.Policy{})),
		Render: render.Config{Domain: "localhost", ApplySet: "applyset-test"},
		Now:    func() time.Time { return w.now },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.engine = e
}

// push commits files, path to content; an empty content removes the file.
func (w *world) push(message string, files map[string]string) {
	var before map[string]string
	if n := len(w.commits); n > 0 {
		before = w.commits[n-1].files
	}
	c := w.commit(message, before, files)
	c.Hash = fmt.Sprintf("%040d", len(w.commits)+1)
	w.commits = append(w.commits, c)
}

// commit is what a commit on top of others' files holds.
func (w *world) commit(message string, before, files map[string]string) commit {
	next := maps.Clone(before)
	if next == nil {
		next = map[string]string{}
	}
	for path, content := range files {
		if content == "" {
			delete(next, path)
			continue
		}
		blob := manifest.Digest([]byte(content))
		w.blobs[blob], next[path] = content, blob
	}
	c := commit{files: next}
	c.Message, c.AuthorName, c.When, c.Committed = message, "Ada", w.now, w.now
	return c
}

// pass runs the loop's body until it writes nothing more, and returns the writes.
func (w *world) pass() []string {
	w.t.Helper()
	w.writes = nil
	for n := 0; ; n++ {
		before := len(w.writes)
		w.engine.pass(w.t.Context(), true)
		if len(w.writes) == before {
			return slices.Clone(w.writes)
		}
		if n > 10 {
			w.t.Fatalf("never settles: %v", w.writes)
		}
	}
}

// report is the newest report.
func (w *world) report() status.Report { return w.reports[len(w.reports)-1] }

// spec is one spec of the newest report.
func (w *world) spec(name string) status.Spec {
	w.t.Helper()
	for _, s := range w.report().Specs {
		if s.Identity.Name == name {
			return s
		}
	}
	w.t.Fatalf("no spec %s in %+v", name, w.report().Specs)
	return status.Spec{}
}

// revisions are the names of the Deployments of a configuration.
func (w *world) revisions(configuration string) []string {
	var out []string
	for id, o := range w.live {
		if id.Kind == "Deployment" && o.Labels[contract.LabelConfiguration] == configuration {
			out = append(out, id.Name)
		}
	}
	slices.Sort(out)
	return out
}

// ready has the revisions' pods available, as Kubernetes would report.
func (w *world) ready(names ...string) {
	for _, name := range names {
		w.status(name, map[string]any{"replicas": 1, "availableReplicas": 1, "conditions": []any{
			map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}}})
	}
}

// status sets a Deployment's status.
func (w *world) status(name string, s map[string]any) {
	w.edit(deploymentID(name), func(o map[string]any) { o["status"] = s })
}

func deploymentID(name string) manifest.ID {
	return manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name}
}

// edit changes a live object as somebody else would.
func (w *world) edit(id manifest.ID, change func(map[string]any)) {
	w.t.Helper()
	w.lock.Lock()
	defer w.lock.Unlock()
	o, ok := w.live[id]
	if !ok {
		w.t.Fatalf("no %s", id)
	}
	var m map[string]any
	if err := json.Unmarshal(o.JSON, &m); err != nil {
		w.t.Fatal(err)
	}
	change(m)
	w.store(id, m)
}

// Apply stores what a step says.
func (w *world) Apply(_ context.Context, step plan.Step) plan.Outcome {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.writes = append(w.writes, step.Action.String()+" "+step.ID.Kind+" "+step.ID.Name)
	if w.refuse != nil {
		if err := w.refuse(step); err != nil {
			return plan.Outcome{Step: step, Err: err}
		}
	}
	if step.Action == plan.Delete {
		delete(w.live, step.ID)
		return plan.Outcome{Step: step}
	}
	body, err := step.Manifest.Body(step.Stamps, step.Manifest.Replicas)
	if err != nil {
		return plan.Outcome{Step: step, Err: err}
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		return plan.Outcome{Step: step, Err: err}
	}
	var old map[string]any
	if json.Unmarshal(w.live.Of(step.ID).JSON, &old) == nil {
		m["status"] = old["status"]
	}
	return plan.Outcome{Step: step, Object: w.store(step.ID, m)}
}

func (w *world) store(id manifest.ID, m map[string]any) plan.Object {
	w.version++
	meta := m["metadata"].(map[string]any)
	meta["resourceVersion"] = strconv.Itoa(w.version)
	if meta["creationTimestamp"] == nil {
		meta["creationTimestamp"] = w.now.Add(time.Duration(w.version) * time.Second).Format(time.RFC3339)
	}
	o := plan.Object{ID: id, UID: id.String(), ResourceVersion: strconv.Itoa(w.version), Ours: true,
		Labels: texts(meta["labels"]), Annotations: texts(meta["annotations"])}
	o.Digest, o.Commit = o.Annotations[contract.AnnotationDigest], o.Annotations[contract.AnnotationCommit]
	o.Source, o.Unit = o.Annotations[contract.AnnotationSource], o.Annotations[contract.AnnotationUnit]
	o.JSON, _ = json.Marshal(m)
	w.live[id] = &o
	return o
}

func texts(v any) map[string]string {
	out := map[string]string{}
	m, _ := v.(map[string]any)
	for k, x := range m {
		out[k], _ = x.(string)
	}
	return out
}

// The rest is the interfaces that the engine calls.

func (w *world) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (w *world) Watch(...manifest.Kind)        {}
func (w *world) Synced(context.Context) error  { return nil }
func (w *world) Changes() <-chan struct{}      { return w.changes }
func (w *world) Note(plan.Outcome)             {}
func (w *world) Report(_, next status.Report)  { w.reports = append(w.reports, next) }
func (w *world) Live() plan.Live               { w.lock.Lock(); defer w.lock.Unlock(); return maps.Clone(w.live) }

func (w *world) Trouble(context.Context, string, string) (plan.Trouble, error) {
	return w.trouble, nil
}

func (w *world) Head(context.Context) (git.Snapshot, error) {
	if w.gone != nil {
		return git.Snapshot{}, w.gone
	}
	return w.snapshot(w.commits[len(w.commits)-1]), nil
}

func (w *world) snapshot(c commit) git.Snapshot {
	s := git.Snapshot{Commit: c.Commit, Tree: fmt.Sprint(c.files)}
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		blob := c.files[path]
		s.Files = append(s.Files, git.Entry{Path: path, Blob: blob, Size: cmp.Or(w.sizes[path], int64(len(w.blobs[blob])))})
	}
	return s
}

func (w *world) Blob(_ context.Context, hash string, _ int64) ([]byte, error) {
	content, ok := w.blobs[hash]
	if !ok {
		return nil, fmt.Errorf("no blob %s", hash)
	}
	return []byte(content), nil
}

func (w *world) Log(_ context.Context, from string) iter.Seq2[git.CommitChange, error] {
	return func(yield func(git.CommitChange, error) bool) {
		for i, c := range slices.Backward(w.commits) {
			if c.Hash > from {
				continue
			}
			change := git.CommitChange{Commit: c.Commit}
			var before map[string]string
			if i > 0 {
				before = w.commits[i-1].files
			}
			for _, path := range slices.Sorted(maps.Keys(c.files)) {
				if before[path] != c.files[path] {
					change.Files = append(change.Files, git.FileChange{Path: path, OldBlob: before[path], NewBlob: c.files[path]})
				}
			}
			if !yield(change, nil) {
				return
			}
		}
	}
}

// hello is a Service spec whose template differs by target.
func hello(name, target string) string {
	return strings.NewReplacer("NAME", name, "TARGET", target).Replace(`apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: NAME
spec:
  template:
    spec:
      containers:
      - image: local.dev/hello
        env:
        - name: TARGET
          value: TARGET
`)
}
