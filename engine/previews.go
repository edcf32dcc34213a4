package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
)

// previews is what refs beside the trusted branch run of its services.
type previews struct {
	// seen are the refs that were looked at, newest first; cut is how many more
	// there are, and full that it is not the policy that cuts.
	seen []*seenRef
	cut  int
	full bool
	// of is what is rendered, list what is reported.
	of   map[configurationKey][]render.Preview
	list []status.Preview
	// rest is until when refs are not looked at again.
	rest time.Time
	// read: the refs could be read once.
	read bool
	// due is when refs have to be looked at although none has moved.
	due time.Time
	// aside are the builds of what refs changed of sources.
	aside aside
}

// seenRef is one ref, and what was found out about it.
type seenRef struct {
	name string
	// commit is what was looked at, trunk the branch's commit it was compared with.
	commit, trunk string
	pace          preview.Pace
	head          git.Commit
	// closed says why it is not open, and state what that means; over that
	// nothing will change that.
	closed string
	state  status.State
	over   bool
	// paused says why a newer commit is not looked at yet.
	paused string
	// parts are the files that it changed and that describe something, sources
	// the paths of the others; tree is all there is at it, if any of those is the
	// source of a build.
	parts   []load.Part
	sources []string
	tree    git.Snapshot
}

// policy is what sluice.yaml of the trusted branch says, within the
// installation's limits.
func (e *Engine) policy() (p preview.Policy, signers []string) {
	p = preview.Policy{Refs: []string{preview.DefaultRefs}, TTL: preview.DefaultTTL, Most: preview.DefaultMost}
	if s := e.settings.Previews; s != nil {
		p.Allow, p.Percent, signers = s.Allow, s.Percent, s.Signers
		if s.Refs != nil {
			p.Refs = *s.Refs
		}
		if s.Most != nil {
			p.Most = *s.Most
		}
		if d := s.Age(); d > 0 {
			p.TTL = d
		}
	}
	return p.Within(e.cfg.Previews), signers
}

// restFactor is how many times as long as a look at all refs took they are left
// alone: however many there are, the branch has the most of the engine's time.
const (
	restFactor = 10
	restMost   = 5 * time.Second
)

// looksPerPass bounds how many refs one pass compares, in multiples of how
// many may be open; the rest comes a second later.
const looksPerPass = 4

// seenMost bounds how many refs are kept track of that are not open: forges
// keep the refs of all pull requests that ever were.
const seenMost = 500

// lookPreviews finds out what the refs beside the branch describe. It reports
// whether anything has to be rendered anew. The branch itself comes first: it
// is called when that is done.
func (e *Engine) lookPreviews(ctx context.Context) (changed bool) {
	began := e.cfg.Now()
	if e.cfg.References == nil {
		return false
	}
	if e.lookErr != nil {
		e.previews.due = began.Add(restMost)
		return false
	}
	if e.previews.read && began.Before(e.previews.rest) {
		e.previews.due = e.previews.rest
		return false
	}
	defer func() { e.previews.rest = e.cfg.Now().Add(min(restMost, restFactor*e.cfg.Now().Sub(began))) }()
	policy, signers := e.policy()
	names, commits, err := e.previewRefs(ctx, policy)
	if err != nil {
		e.cfg.Log.Warn("refs cannot be read", "error", err)
		e.previews.due = began.Add(restMost)
		return false
	}
	known := map[string]*seenRef{}
	for _, ref := range e.previews.seen {
		known[ref.name] = ref
	}
	before := e.previewPrint()
	l := previewLook{engine: e, policy: policy, signers: signers, now: e.cfg.Now(), budget: looksPerPass * (policy.Most + looksPerPass)}
	e.previews.seen, e.previews.cut = nil, 0
	open := 0
	for _, name := range names {
		e.previews.full = open < policy.Most
		if open >= policy.Most || len(e.previews.seen) >= seenMost+open {
			e.previews.cut++
			continue
		}
		ref := known[name]
		if ref == nil {
			ref = &seenRef{name: name}
		}
		l.look(ctx, ref, commits[name])
		e.previews.seen = append(e.previews.seen, ref)
		if ref.open() {
			open++
		}
	}
	e.previews.due, e.previews.read = l.due, true
	e.arrange()
	return before != e.previewPrint()
}

// previewRefs are the refs that match the policy, the newest first.
func (e *Engine) previewRefs(ctx context.Context, policy preview.Policy) (names []string, commits map[string]string, err error) {
	if policy.Most == 0 || len(policy.Refs) == 0 {
		return nil, nil, nil
	}
	refs, err := e.cfg.References.Refs(ctx, policy.Refs)
	commits = make(map[string]string, len(refs))
	for _, ref := range refs {
		if ref.Name != "refs/heads/"+e.cfg.Branch {
			commits[ref.Name] = ref.Commit
			names = append(names, ref.Name)
		}
	}
	preview.Order(names)
	return names, commits, err
}

func (r *seenRef) open() bool { return r.commit != "" && r.closed == "" }

// close keeps nothing of what a ref described. It is held until somebody lets
// it in.
func (r *seenRef) close(why string) {
	*r = seenRef{name: r.name, commit: r.commit, trunk: r.trunk, pace: r.pace, head: r.head, closed: why, state: status.Progressing}
}

// end closes a ref for as long as it stays where it is.
func (r *seenRef) end(why string, state status.State) {
	r.close(why)
	r.state, r.over = state, true
}

// previewLook is one look at all refs.
type previewLook struct {
	engine  *Engine
	policy  preview.Policy
	signers []string
	now     time.Time
	budget  int
	due     time.Time
}

// again has the refs be looked at again no later than in a while.
func (l *previewLook) again(wait time.Duration) {
	if at := l.now.Add(wait); l.due.IsZero() || at.Before(l.due) {
		l.due = at
	}
}

// look brings what is known of a ref up to date.
func (l *previewLook) look(ctx context.Context, ref *seenRef, commit string) {
	ref.paused = ""
	if why := l.policy.Admits(ref.name, len(l.signers) > 0); why != "" {
		*ref = seenRef{name: ref.name, commit: commit, pace: ref.pace}
		ref.close(why)
		return
	}
	if ref.commit == commit && !ref.head.Committed.IsZero() { // what has got too old stays so, wherever the branch is
		if why := l.policy.TooOld(ref.head.Committed, l.now); why != "" {
			ref.end(why, status.Progressing)
			return
		}
	}
	if ref.commit != commit || ref.trunk != l.engine.snapshot.Commit.Hash {
		if !l.compare(ctx, ref, commit) {
			return
		}
	}
	if !ref.open() {
		return
	}
	if why := l.policy.TooOld(ref.head.Committed, l.now); why != "" {
		ref.end(why, status.Progressing)
	} else {
		l.again(ref.head.Committed.Add(l.policy.TTL).Sub(l.now) + time.Second)
	}
}

// compare finds out what a ref has changed since it left the branch; it
// reports whether it could.
func (l *previewLook) compare(ctx context.Context, ref *seenRef, commit string) bool {
	if l.budget == 0 || l.engine.overtaken(ctx) {
		l.again(time.Second)
		return ref.commit != ""
	}
	if ref.commit != commit {
		pace, wait, ok := ref.pace.Take(l.now)
		if ref.pace = pace; !ok {
			ref.paused = "it is rewritten too often: its newest commit is looked at a little later"
			l.again(wait)
			return ref.commit != ""
		}
	}
	l.budget--
	c, err := l.compared(ctx, ref.name, commit)
	if wrong, state := refusal(err); wrong != "" {
		*ref = seenRef{name: ref.name, commit: commit, trunk: l.engine.snapshot.Commit.Hash, pace: ref.pace, head: c.Head, closed: wrong, state: state}
		return false
	}
	if err != nil {
		l.engine.cfg.Log.Warn("preview cannot be read", "ref", ref.name, "error", err)
		l.again(5 * time.Second)
		return false
	}
	seen := seenRef{name: ref.name, commit: commit, trunk: l.engine.snapshot.Commit.Hash, pace: ref.pace, head: c.Head}
	if seen.parts, err = l.engine.changedParts(ctx, c.Files); err == nil {
		err = l.engine.changedSources(ctx, &seen, c.Files)
	}
	if wrong, state := refusal(err); wrong != "" {
		*ref = seen
		ref.close(wrong)
		ref.state = state
		return false
	}
	if err != nil {
		l.engine.cfg.Log.Warn("preview cannot be read", "ref", ref.name, "error", err)
		l.again(5 * time.Second)
		return false
	}
	*ref = seen
	if c.Merged {
		ref.end("it is merged: the trusted branch has all its commits", status.Ready)
	}
	return true
}

// overtaken reports whether the branch has moved since it was read: that comes
// first, and comparing many refs takes a while.
func (e *Engine) overtaken(ctx context.Context) bool {
	select {
	case <-e.moved():
	default:
		return e.next != nil
	}
	e.hinted = true
	snapshot, err := e.cfg.Repository.Head(ctx)
	if err == nil && snapshot.Commit.Hash != e.snapshot.Commit.Hash {
		e.next = &snapshot
	}
	return e.next != nil
}

// compared is the comparison of a commit that is signed, if it has to be.
func (l *previewLook) compared(ctx context.Context, name, commit string) (git.Comparison, error) {
	refs := l.engine.cfg.References
	if l.policy.NeedsSignature(name) {
		if err := refs.Signed(ctx, commit, l.signers); err != nil {
			return git.Comparison{}, err
		}
	}
	return refs.Compare(ctx, l.engine.snapshot.Commit.Hash, commit)
}

// refusal is what is wrong with the ref itself, if the error says so.
func refusal(err error) (why string, state status.State) {
	switch {
	case errors.Is(err, git.ErrUnsigned):
		return "its newest commit is not signed by one of the keys under previews.signers, and it is not listed under previews.allow", status.Progressing
	case errors.Is(err, git.ErrLimit):
		return err.Error(), status.Failed
	}
	return "", ""
}

// previewPrint differs where what is rendered of previews does.
func (e *Engine) previewPrint() string {
	if len(e.previews.of) == 0 {
		return ""
	}
	var b []byte
	for _, u := range e.units {
		b = e.previews.print(b, u)
	}
	return string(b)
}
