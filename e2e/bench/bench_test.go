package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// run measures with one number of services, on a cluster of its own.
type run struct {
	n       int
	cluster *cluster
	specs   *repository
	peers   *peers
	table   *table
	// limit is what the API server takes for as many objects without an engine.
	limit sample
	// took is how long the cold sync took.
	took time.Duration
	// memory is the most that any engine's process had.
	memory int64
}

func TestBench(t *testing.T) {
	var all table
	if whole() && withPeers() {
		startUp(t, &all)
	}
	for _, n := range sizes(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) { newRun(t, n, &all).measure(t) })
	}
	if whole() {
		fmt.Println("\n" + all.String())
		return
	}
	t.Log("\n" + all.String())
}

func newRun(t *testing.T, n int, all *table) *run {
	all.head(fmt.Sprintf("%d services, %d objects", n, 3*n))
	r := &run{n: n, table: all, cluster: up(t, t.TempDir(), "--no-platform"), specs: newRepository(t, n, "engine")}
	r.peers = newPeers(t, r.cluster, n)
	r.peers.namespace(t, r.specs.namespace)
	r.peers.warm(t)
	return r
}

// measure goes through the list of docs/benchmarks.md.
func (r *run) measure(t *testing.T) {
	r.raw(t, "raw1")
	r.cold(t)
	r.raw(t, "raw2")
	limit := (r.limit[0] + r.limit[1]) / 2
	r.table.add("  from the start of the engine to the last write", seconds(r.took), target("5 s or 1.5x", r.took <= max(5*time.Second, limit*3/2)), ratio(r.took, limit)+" of the API server alone")
	r.kubectl(t, limit)
	p := r.restart(t)
	r.noop(t, p)
	r.changes(t, p)
	r.drift(t, p)
	r.remember(t, p)
	r.previews(t, p)
	r.history(t, p)
	r.table.add("peak memory of the engine, all above", mib(r.memory), target("100 MiB", r.memory <= 100<<20), "")
	r.broken(t, p)
	r.table.add("  peak memory", mib(r.remember(t, p)), "", "of every service two revisions are kept then")
	p.stop(t)
	r.table.add("peak memory of the cluster", mib(peak(t, r.cluster.process.Process.Pid)), "", "")
}

// rounds is how often what is done to one service is repeated.
func (r *run) rounds() int {
	if whole() {
		return 35
	}
	return 3
}

// remember keeps the largest peak of the engine's processes.
func (r *run) remember(t *testing.T, p *process) int64 {
	m := peak(t, p.command.Process.Pid)
	r.memory = max(r.memory, m)
	return m
}

// cold is a first engine on an empty cluster.
func (r *run) cold(t *testing.T) {
	r.cluster.settle(t)
	p := start(t, r.cluster, r.specs, fmt.Sprintf("cold-%d", r.n))
	r.ready(t, p, 0)
	r.took = r.lastStep(t, p, 0).Sub(p.began)
	p.quiet(t, time.Second)
	if n := len(p.steps(0)); n != 3*r.n {
		t.Errorf("cold: %d writes, want %d", n, 3*r.n)
	}
	c := p.ask(t, askCounts, counted)
	r.table.add("cold sync: requests", verbs(c.Requests).String(), "", fmt.Sprintf("%.1f MB out, %.1f MB in", float64(c.Sent)/1e6, float64(c.Received)/1e6))
	r.table.add("  peak memory", mib(r.remember(t, p)), "", "")
	p.stop(t)
}

// ready waits for the report that everything is.
func (r *run) ready(t *testing.T, p *process, mark int) event {
	return p.await(t, mark, "report that all is ready", func(e event) bool {
		return e.Kind == reported && e.Report == status.Ready && e.Specs == r.n
	})
}

// lastStep is when the last step after a mark was done; all must be.
func (r *run) lastStep(t *testing.T, p *process, mark int) (last time.Time) {
	t.Helper()
	for _, e := range p.steps(mark) {
		if e.Error != "" {
			t.Errorf("%s %s: %s", e.Action, e.Object, e.Error)
		}
		last = e.At
	}
	return last
}

// restart is a new engine with everything in place.
func (r *run) restart(t *testing.T) *process {
	r.cluster.settle(t)
	p := start(t, r.cluster, r.specs, fmt.Sprintf("restart-%d", r.n))
	r.ready(t, p, 0)
	took := time.Since(p.began)
	time.Sleep(4 * time.Second) // the commit and the status are kept in the background
	if n := len(p.steps(0)); n != 0 {
		t.Errorf("restart: %d writes, want none", n)
	}
	c := verbs(p.ask(t, askCounts, counted).Requests)
	r.table.add("restart, all in place", seconds(took), target("0 writes", len(p.steps(0)) == 0), c.String())
	r.table.add("  peak memory", mib(r.remember(t, p)), "", "")
	return p
}

// noop is a pass with nothing to do: a look at the repository, everything
// compared, nothing written.
func (r *run) noop(t *testing.T, p *process) {
	r.cluster.settle(t)
	mark := p.mark()
	before := verbs(p.ask(t, askCounts, counted).Requests)
	var took sample
	for range 20 {
		took = append(took, p.ask(t, askPass, passed).Took)
		p.quiet(t, 20*time.Millisecond)
	}
	sent := verbs(p.ask(t, askCounts, counted).Requests).without(before)
	// The report and the kept commit are written in the background, and on a
	// busy machine late: the table shows them, only steps are a mistake.
	if n := len(p.steps(mark)); n != 0 {
		t.Errorf("no-op: %d writes, want none: %v", n, p.steps(mark))
	}
	worst := took.quantile(1)
	r.table.add("no-op pass", took.String(), target("0 requests, 100 ms", sent.sum() == 0 && worst < 100*time.Millisecond), sent.String())
}

// changes pushes new templates and takes them back, one service at a time.
func (r *run) changes(t *testing.T, p *process) {
	rounds := r.rounds()
	var edits []edit
	for i := range rounds {
		k := i % r.n
		edits = append(edits, edit{r.specs.path(k): r.specs.spec(k, fmt.Sprint("round-", i))}, edit{r.specs.path(k): r.specs.spec(k, "world")})
	}
	var change, revert pushes
	before := verbs(p.ask(t, askCounts, counted).Requests)
	for i, commit := range r.specs.prepare(t, edits...) {
		if i%2 == 0 {
			r.pushOne(t, p, commit, 2, &change)
		} else {
			r.pushOne(t, p, commit, 1, &revert)
		}
	}
	sent := verbs(p.ask(t, askCounts, counted).Requests).without(before)
	p50, alone := change.seen.quantile(0.5), r.pair(t)
	r.table.add("one change: pushed to applied", change.all.String(), target("2 writes each", change.wrong == 0), fmt.Sprintf("%d pushes", rounds))
	r.table.add("  seen to applied", change.seen.String(), target("50 ms p50", p50 <= 50*time.Millisecond), ratio(p50, alone.quantile(0.5))+" of its two writes alone: "+alone.String())
	r.table.add("  of which in the engine", change.engine.String(), "", "")
	r.table.add("revert: pushed to applied", revert.all.String(), target("1 write each", revert.wrong == 0), fmt.Sprintf("%d pushes", rounds))
	r.table.add("  seen to applied", revert.seen.String(), target("100 ms p99", revert.seen.quantile(0.99) <= 100*time.Millisecond), "")
	r.table.add("  of which in the engine", revert.engine.String(), "", "")
	r.table.add("  requests of both, with status and events", sent.String(), "", "")
}

// pushes are what was measured of some pushes: from the push to the last
// write, from when it was seen, and how much of that the API server had no part
// in; and how many pushes took more or fewer writes than they should.
type pushes struct {
	all, seen, engine sample
	wrong             int
}

// pushOne moves the branch and waits until the route of the one changed
// service is written. It takes exactly that many writes.
func (r *run) pushOne(t *testing.T, p *process, commit string, writes int, out *pushes) {
	t.Helper()
	p.quiet(t, 150*time.Millisecond)
	mark, began := p.mark(), time.Now()
	r.specs.push(t, commit)
	look := p.await(t, mark, "sight of "+commit, func(e event) bool { return e.Kind == seen && e.Commit == commit })
	done := p.await(t, mark, "write of "+commit, func(e event) bool {
		return e.Kind == stepped && e.Commit == commit && strings.HasPrefix(e.Object, "VirtualService")
	})
	p.await(t, mark, "report of "+commit, func(e event) bool { return e.Kind == reported && e.Commit == commit && e.Report == status.Ready })
	p.quiet(t, 50*time.Millisecond)
	if n := len(p.steps(mark)); n != writes {
		t.Errorf("%d writes, want %d: %v", n, writes, p.steps(mark))
		out.wrong++
	}
	r.lastStep(t, p, mark)
	own := done.At.Sub(look.At)
	for _, e := range p.steps(mark) {
		own -= e.Took
	}
	out.all, out.seen, out.engine = append(out.all, done.At.Sub(began)), append(out.seen, done.At.Sub(look.At)), append(out.engine, own)
}

// drift has somebody else change objects of ours.
func (r *run) drift(t *testing.T, p *process) {
	rounds := r.rounds()
	kinds := map[string]string{
		"VirtualService": `{"hosts":["somebody.example.com"]}`,
		"Deployment":     `{"progressDeadlineSeconds":17}`,
	}
	for _, kind := range []string{"Deployment", "VirtualService"} {
		var healed sample
		for i := range rounds {
			m := r.peers.find(t, kind, service(i%r.n))
			m.Namespace = r.specs.namespace
			p.quiet(t, 150*time.Millisecond)
			mark, began := p.mark(), time.Now()
			r.peers.meddle(t, m, kinds[kind])
			done := p.await(t, mark, "healed "+m.String(), func(e event) bool {
				return e.Kind == stepped && e.Action == "heal" && e.Object == m.String()
			})
			healed = append(healed, done.At.Sub(began))
			r.lastStep(t, p, mark)
		}
		r.table.add("drift of a "+kind+": changed to healed", healed.String(), "", fmt.Sprintf("%d times", rounds))
	}
}

// broken pushes a commit that gives every service a new template, but for one
// whose file is no YAML: all others land, and that one stays as it was.
func (r *run) broken(t *testing.T, p *process) {
	all := edit{}
	for i := range r.n {
		all[r.specs.path(i)] = r.specs.spec(i, "everybody")
	}
	bad := r.n / 2
	all[r.specs.path(bad)] = "apiVersion: serving.knative.dev/v1\nkind: Service\n\tmetadata: [\n"
	commit := r.specs.prepare(t, all)[0]
	r.cluster.settle(t)
	mark, began := p.mark(), time.Now()
	r.specs.push(t, commit)
	landed := map[string]bool{}
	var last time.Time
	for len(landed) < r.n-1 {
		e := p.await(t, mark, fmt.Sprintf("route %d of %d", len(landed)+1, r.n-1), func(e event) bool {
			return e.Kind == stepped && e.Error == "" && strings.HasPrefix(e.Object, "VirtualService") && !landed[e.Object]
		})
		landed[e.Object], last = true, e.At
	}
	p.quiet(t, time.Second)
	for _, e := range p.steps(mark) {
		if strings.Contains(e.Object, service(bad)) {
			t.Errorf("%s %s: its file is broken", e.Action, e.Object)
		}
	}
	r.table.add("all change, one file is broken", fmt.Sprintf("%d of %d landed in %s", len(landed), r.n-1, seconds(last.Sub(began))),
		target("all good ones", len(landed) == r.n-1), "")
}
