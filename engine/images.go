package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Image is an image that a pod is to pull, and as whom.
type Image struct {
	// Namespace of the pod, Secrets its imagePullSecrets, Account its
	// ServiceAccount.
	Namespace string
	Account   string
	Secrets   []string
	// Name is the image as written.
	Name string
}

// Digests finds what an image's tag stands for.
type Digests interface {
	// Digest is the reference with its digest. It asks the registry.
	Digest(ctx context.Context, image Image) (string, error)
}

// digestTimeout is how long a registry may take to say what a tag stands for.
// Knative's default (`digest-resolution-timeout`).
const digestTimeout = 10 * time.Second

// digestsFresh is how long an answer serves for further revisions that name
// the same image: a repository's first commit may name one a thousand times.
const digestsFresh = 5 * time.Second

// imageKey is an image of a revision; the answer is for this revision alone.
type imageKey struct {
	revisionKey
	image string
}

// imageBook remembers what tags stood for when revisions were first seen.
type imageBook struct {
	cfg Config
	// found gets a value, at most one waiting, when an answer has come.
	found chan struct{}
	asked chan struct{}

	lock sync.Mutex
	// revisions are the answers that revisions were created with, or wait for.
	revisions map[imageKey]*imageAnswer
	// fresh are the newest answers, for all revisions.
	fresh map[string]*imageAnswer
	// failed are the answers of revisions that run under their tags.
	failed map[revisionKey][]*imageAnswer
	queue  []*imageAnswer
	// running: somebody works on the queue.
	running bool
}

// imageAnswer is what a registry said, or is about to say.
type imageAnswer struct {
	image  Image
	done   bool
	at     time.Time
	digest string
	err    error
}

func newImageBook(cfg Config) *imageBook {
	return &imageBook{
		cfg: cfg, found: make(chan struct{}, 1), asked: make(chan struct{}, 1),
		revisions: map[imageKey]*imageAnswer{}, fresh: map[string]*imageAnswer{},
		failed: map[revisionKey][]*imageAnswer{},
	}
}

// run asks registries until ctx ends.
func (b *imageBook) run(ctx context.Context) error {
	if b.cfg.Digests == nil {
		return nil
	}
	b.lock.Lock()
	b.running = true
	b.lock.Unlock()
	var g errgroup.Group
	g.SetLimit(b.cfg.Parallel)
	defer func() { _ = g.Wait() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.asked:
		}
		for _, a := range b.take() {
			g.Go(func() error {
				b.resolve(ctx, a)
				return nil
			})
		}
	}
}

func (b *imageBook) take() []*imageAnswer {
	b.lock.Lock()
	defer b.lock.Unlock()
	queue := b.queue
	b.queue = nil
	return queue
}

func (b *imageBook) resolve(ctx context.Context, a *imageAnswer) {
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	digest, err := b.cfg.Digests.Digest(ctx, a.image)
	if err != nil {
		b.cfg.Log.Warn("an image's tag cannot be resolved to a digest; it runs under its tag", "image", a.image.Name, "namespace", a.image.Namespace, "error", err)
	}
	b.lock.Lock()
	a.digest, a.err, a.at, a.done = digest, err, b.cfg.Now(), true
	b.lock.Unlock()
	signal(b.found)
	signal(b.asked) // whoever waits for the limit
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// answer is what a tag stands for to a revision; nil while that is being
// found out.
func (b *imageBook) answer(key revisionKey, image Image) *imageAnswer {
	b.lock.Lock()
	defer b.lock.Unlock()
	k := imageKey{key, image.Name}
	a, ok := b.revisions[k]
	if !ok {
		a = b.ask(image)
		b.revisions[k] = a
	}
	if !a.done {
		return nil
	}
	if a.err != nil && !slices.Contains(b.failed[key], a) {
		b.failed[key] = append(b.failed[key], a)
	}
	return a
}

// failures are the answers of a revision that were none.
func (b *imageBook) failures(key revisionKey) []*imageAnswer {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.failed[key]
}

// ask is a fresh answer, or a question that somebody works on.
func (b *imageBook) ask(image Image) *imageAnswer {
	who := strings.Join(append([]string{image.Namespace, image.Account, image.Name}, image.Secrets...), "\n")
	a, ok := b.fresh[who]
	if ok && (!a.done || a.err == nil && b.cfg.Now().Sub(a.at) < digestsFresh) {
		return a
	}
	a = &imageAnswer{image: image}
	b.fresh[who] = a
	b.queue = append(b.queue, a)
	signal(b.asked)
	return a
}

// forget drops what no revision of the repository asks for any more.
func (b *imageBook) forget(described func(revisionKey) bool) {
	if b == nil || b.cfg.Digests == nil {
		return // an engine without a cluster has no book
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	for k := range b.revisions {
		if !described(k.revisionKey) {
			delete(b.revisions, k)
			delete(b.failed, k.revisionKey)
		}
	}
	for who, a := range b.fresh {
		if a.done && b.cfg.Now().Sub(a.at) >= digestsFresh {
			delete(b.fresh, who)
		}
	}
}

// active reports whether tags are resolved at all.
func (b *imageBook) active() bool {
	if b == nil || b.cfg.Digests == nil {
		return false
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.running
}

// imagesOf answers render: a live revision's images are what it was created
// with; of one that is not there, tags are resolved now. waits is set where an
// answer is awaited.
func (e *Engine) imagesOf(c cluster, waits *bool) render.Images {
	return func(w desired.Workload) (map[string]string, bool) {
		id := manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.Namespace, Name: w.Revision}
		if o, ok := c.live[id]; ok && o.Ours {
			return recorded(o.Annotations[contract.AnnotationImages]), true
		}
		if !e.images.active() {
			return nil, true
		}
		digests, known := map[string]string{}, true
		for _, name := range render.Tagged(w) {
			a := e.images.answer(revisionKey{w.Namespace, w.Revision}, imageOf(w, name))
			switch {
			case a == nil:
				known, *waits = false, true
			case a.err == nil:
				digests[name] = a.digest
			}
		}
		return digests, known
	}
}

func imageOf(w desired.Workload, name string) Image {
	out := Image{Namespace: w.Namespace, Account: w.Template.Pod.ServiceAccountName, Name: name}
	for _, s := range w.Template.Pod.ImagePullSecrets {
		out.Secrets = append(out.Secrets, s.Name)
	}
	return out
}

func recorded(text string) map[string]string {
	var out map[string]string
	if text == "" || json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

// tagTroubles are warnings of images that run under their tags because no
// registry would say what they stand for.
func (e *Engine) tagTroubles(u *unit, revisions []status.Revision) []schema.Problem {
	var out []schema.Problem
	for _, r := range revisions {
		if !r.Latest {
			continue
		}
		for _, a := range e.images.failures(revisionKey{u.namespace(), r.Name}) {
			out = append(out, schema.Problem{
				File: u.entry.File, Line: u.entry.Line, Column: u.entry.Column, Severity: schema.Warning, Identity: u.entry.Identity,
				Text: fmt.Sprintf("image %s: its tag cannot be resolved to a digest, so it runs under its tag, which may move: %v", a.image.Name, a.err),
			})
		}
	}
	return out
}
