package bench

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// preview gives each of so many branches a commit on top of the trusted one
// that changes one service, and pushes them all at once.
func (r *repository) preview(t *testing.T, branches int) {
	t.Helper()
	var in bytes.Buffer
	for i := range branches {
		k := i % r.services
		content := r.spec(k, fmt.Sprint("preview-", i))
		fmt.Fprintf(&in, "commit refs/heads/preview/p%d\ncommitter Ada <ada@example.com> %d +0000\ndata 7\npreview\nfrom refs/heads/main^0\nM 100644 inline %s\ndata %d\n%s\n",
			i, time.Now().Unix(), r.path(k), len(content), content)
	}
	runGit(t, &in, "-C", r.dir, "fast-import", "--quiet")
}

// closePreviews deletes those branches.
func (r *repository) closePreviews(t *testing.T, branches int) {
	t.Helper()
	var in bytes.Buffer
	for i := range branches {
		fmt.Fprintf(&in, "delete refs/heads/preview/p%d\n", i)
	}
	runGit(t, &in, "-C", r.dir, "update-ref", "--stdin")
}

// previews opens branches that change a service each: a revision and a route
// for each of them, and nothing else.
func (r *run) previews(t *testing.T, p *process) {
	open := min(100, r.n)
	policy := edit{"sluice.yaml": fmt.Sprintf("previews: {most: %d}\n", open)}
	p.quiet(t, 150*time.Millisecond)
	r.specs.push(t, r.specs.prepare(t, policy)[0])
	p.quiet(t, time.Second)
	r.cluster.settle(t)
	before := r.remember(t, p)

	mark, began := p.mark(), time.Now()
	r.specs.preview(t, open)
	routed := r.routes(t, p, mark, open)
	p.quiet(t, time.Second)
	if n := len(p.steps(mark)); n != 2*open {
		t.Errorf("%d previews: %d writes, want %d", open, n, 2*open)
	}
	r.table.add(fmt.Sprintf("%d previews opened at once", open), seconds(routed.Sub(began)), target("2 writes each", len(p.steps(mark)) == 2*open), fmt.Sprintf("of %d services", r.n))
	r.table.add("  more peak memory", mib(r.remember(t, p)-before), "", "")

	var took sample
	for range 10 {
		took = append(took, p.ask(t, askPass, passed).Took)
		p.quiet(t, 20*time.Millisecond)
	}
	r.table.add("  no-op pass beside them", took.String(), "", "")
	var change pushes
	rounds := r.rounds()
	var edits []edit
	for i := range rounds {
		k := (open + i) % r.n
		edits = append(edits, edit{r.specs.path(k): r.specs.spec(k, fmt.Sprint("beside-", i))})
	}
	for _, commit := range r.specs.prepare(t, edits...) {
		r.pushOne(t, p, commit, 2, &change)
	}
	r.table.add("  one change beside them: seen to applied", change.seen.String(), "", fmt.Sprintf("%d pushes", rounds))

	p.quiet(t, 150*time.Millisecond)
	mark, began = p.mark(), time.Now()
	r.specs.closePreviews(t, open)
	closed := r.routes(t, p, mark, open)
	r.table.add("  all closed at once", seconds(closed.Sub(began)), "", "")
	p.quiet(t, time.Second)
}

// routes waits until so many routes were written, and gives when the last was.
func (r *run) routes(t *testing.T, p *process, mark, n int) (last time.Time) {
	t.Helper()
	done := map[string]bool{}
	for len(done) < n {
		e := p.await(t, mark, fmt.Sprintf("route %d of %d", len(done)+1, n), func(e event) bool {
			return e.Kind == stepped && e.Error == "" && strings.HasPrefix(e.Object, "VirtualService") && !done[e.Object]
		})
		done[e.Object], last = true, e.At
	}
	return last
}

// history has a spec name a revision by its ordinal, behind a thousand commits.
func (r *run) history(t *testing.T, p *process) {
	commits := 1000
	if !whole() {
		commits = 20
	}
	var edits []edit
	for i := range commits {
		k := 1 + i%(r.n-1)
		edits = append(edits, edit{r.specs.path(k): r.specs.spec(k, fmt.Sprint("commit-", i))})
	}
	for i := range min(r.n, commits) { // at the end they say what they said
		k := 1 + i%(r.n-1)
		edits = append(edits, edit{r.specs.path(k): r.specs.spec(k, "world")})
	}
	traffic := "  traffic:\n  - revisionName: " + service(0) + "-00001\n    percent: 100\n    tag: first\n"
	edits = append(edits, edit{r.specs.path(0): r.specs.spec(0, "world") + traffic})
	made := r.specs.prepare(t, edits...)
	p.quiet(t, 150*time.Millisecond)
	r.specs.push(t, made[len(made)-2])
	p.quiet(t, 2*time.Second)
	before := r.remember(t, p)
	mark, began := p.mark(), time.Now()
	r.specs.push(t, made[len(made)-1])
	routed := r.routes(t, p, mark, 1)
	p.quiet(t, time.Second)
	r.table.add(fmt.Sprintf("an ordinal, behind %d commits", len(edits)), seconds(routed.Sub(began)), "", "the history is read once")
	r.table.add("  more peak memory", mib(r.remember(t, p)-before), "", fmt.Sprintf("history of %d services", r.n))
}
