package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluice-dev/sluice/schema"
)

// tags says what tags stand for, when it is let.
type tags struct {
	stands atomic.Value // string
	let    chan error
	asked  atomic.Int32
}

func (d *tags) Digest(ctx context.Context, image Image) (string, error) {
	d.asked.Add(1)
	select {
	case err := <-d.let:
		return image.Name + "@sha256:" + d.stands.Load().(string), err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// newTaggedWorld has a registry whose answers the test lets through.
func newTaggedWorld(t *testing.T) (*world, *tags) {
	w, d := newWorld(t), &tags{let: make(chan error)}
	d.stands.Store("aaa")
	w.engine.cfg.Digests = d
	w.engine.images.cfg.Digests = d
	w.engine.images.running = true // from the first pass on
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.engine.images.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w, d
}

func (w *world) imageOf(revision string) string {
	o := w.live.Of(deploymentID(revision))
	_, rest, _ := strings.Cut(string(o.JSON), `"image":"`)
	image, _, _ := strings.Cut(rest, `"`)
	return image
}

func TestImages_ATagBecomesADigestAtFirstSightAndStays(t *testing.T) {
	w, d := newTaggedWorld(t)
	w.push("first", map[string]string{"hello.yaml": hello("hello", "one")})
	w.pass()
	if got := w.revisions("hello"); len(got) != 0 {
		t.Fatalf("created before its image was known: %v", got)
	}
	d.let <- nil
	<-w.engine.images.found
	w.pass()
	first := w.revisions("hello")[0]
	if got := w.imageOf(first); got != "local.dev/hello@sha256:aaa" {
		t.Errorf("runs %s", got)
	}
	w.ready(first)
	w.pass()

	d.stands.Store("bbb") // the tag moves
	w.push("unrelated", map[string]string{"README.md": "x"})
	if writes := w.pass(); len(writes) != 0 {
		t.Errorf("a moved tag is no change, but wrote %v", writes)
	}
	delete(w.live, deploymentID(first))
	w.pass()
	if got := w.imageOf(first); got != "local.dev/hello@sha256:aaa" {
		t.Errorf("healed with another image: %s", got)
	}
	if n := d.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}

	w.now = w.now.Add(digestsFresh)
	w.push("second", map[string]string{"hello.yaml": hello("hello", "two")})
	w.pass()
	d.let <- nil
	<-w.engine.images.found
	w.pass()
	for _, name := range w.revisions("hello") {
		want := "local.dev/hello@sha256:bbb"
		if name == first {
			want = "local.dev/hello@sha256:aaa"
		}
		if got := w.imageOf(name); got != want {
			t.Errorf("%s runs %s, want %s", name, got, want)
		}
	}
}

func TestImages_ARegistryThatDoesNotAnswerIsAWarningNotAStop(t *testing.T) {
	w, d := newTaggedWorld(t)
	w.push("first", map[string]string{"hello.yaml": hello("hello", "one")})
	w.pass()
	d.let <- errors.New("registry: 503")
	<-w.engine.images.found
	w.pass()
	revision := w.revisions("hello")[0]
	if got := w.imageOf(revision); got != "local.dev/hello" {
		t.Errorf("runs %s", got)
	}
	w.ready(revision)
	w.pass()
	r := w.report()
	if r.State != "Ready" || len(r.Problems) != 1 || r.Problems[0].Severity != schema.Warning ||
		r.Problems[0].String() != "hello.yaml:1:1: warning: image local.dev/hello: its tag cannot be resolved to a digest, so it runs under its tag, which may move: registry: 503" {
		t.Errorf("%s: %v", r.State, r.Problems)
	}
}

func TestImages_OneQuestionServesManyRevisions(t *testing.T) {
	w, d := newTaggedWorld(t)
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		files[name+".yaml"] = hello(name, "one")
	}
	w.push("first", files)
	w.pass()
	d.let <- nil
	<-w.engine.images.found
	w.pass()
	for _, name := range []string{"a", "b", "c"} {
		if got := w.imageOf(w.revisions(name)[0]); got != "local.dev/hello@sha256:aaa" {
			t.Errorf("%s runs %s", name, got)
		}
	}
	if n := d.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
