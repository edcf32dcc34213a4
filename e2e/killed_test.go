package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// fleet is many services at once.
type fleet struct {
	clone
	names []string
}

func newFleet(t *testing.T, prefix string, n int) fleet {
	f := fleet{clone: newClone(t)}
	for i := range n {
		f.names = append(f.names, fmt.Sprintf("%s-%02d", prefix, i))
	}
	return f
}

// deploy pushes all services at once with a target of their own in that
// version; nothing is waited for.
func (f fleet) deploy(version string) {
	f.t.Helper()
	for _, name := range f.names {
		f.write("fleet/"+name+".yaml", helloService(name, name+" "+version))
	}
	f.push("Fleet " + version)
}

// arrived waits until every service answers in that version and is Ready, and
// wants exactly one route of each and so many revisions.
func (f fleet) arrived(version string, revisions int) {
	f.t.Helper()
	for _, name := range f.names {
		awaitAnswer(f.t, host(name), hello(name+" "+version))
	}
	for _, name := range f.names {
		awaitState(f.t, name, "Ready", "")
		if n := len(of(f.t, deployments, name)); n != revisions {
			f.t.Errorf("%s: %d Deployments, want %d", name, n, revisions)
		}
		if n := len(of(f.t, virtualServices, name)); n != 1 {
			f.t.Errorf("%s: %d VirtualServices", name, n)
		}
		if n := len(of(f.t, services, name)); n != 1 {
			f.t.Errorf("%s: %d Services", name, n)
		}
	}
}

func TestChaos_AKilledEngineLosesAndDoublesNothing(t *testing.T) {
	f := newFleet(t, "fleet", 30)
	engine := engineOutside(t)
	f.deploy("one")
	for range 4 {
		engine.start()
		time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond) // anywhere in its start and first writes
		engine.end(syscall.SIGKILL)
	}
	engine.start()
	f.arrived("one", 1)

	// A second version, with an engine at work that is killed while it rolls out.
	stop := ask(t, host(f.names[0]), hello(f.names[0]+" one"), hello(f.names[0]+" two"))
	f.deploy("two")
	for range 4 {
		time.Sleep(time.Duration(20+rand.IntN(400)) * time.Millisecond)
		engine.end(syscall.SIGKILL)
		engine.start()
	}
	f.arrived("two", 2)
	stop()
	f.massDeletion(t)
}

// massDeletion deletes the whole fleet: nothing goes until Git confirms it.
func (f fleet) massDeletion(t *testing.T) {
	f.git("rm", "-qr", "fleet")
	f.push("Delete everything")
	for _, name := range f.names {
		awaitState(t, name, "Failed", "to confirm, push a commit whose message has the line `Sluice-Prune: confirm`")
	}
	awaitEvent(t, "SpecFailed", "default/"+f.names[0]+": kept: this commit deletes")
	for _, name := range f.names {
		if code, body := get(host(name)); body != hello(name+" two") {
			t.Errorf("%s: HTTP %d %s", name, code, body)
		}
	}
	f.git("commit", "-q", "--allow-empty", "-m", "Yes, everything", "-m", "Sluice-Prune: confirm")
	f.git("push", "-q")
	for _, name := range f.names {
		await(t, "HTTP 404", func() string { code, _ := get(host(name)); return fmt.Sprint("HTTP ", code) })
	}
}

// The pod's own engine, too: the node starts it again, and it leads at once.
func TestChaos_AKilledEnginePodLeadsAgain(t *testing.T) {
	mine := ownCluster(t)
	c := newClone(t)
	c.deployed("survivor")
	defer ask(t, host("survivor"), hello("survivor"), hello("after"))()
	c.write("survivor.yaml", helloService("survivor", "after"))
	c.push("Killed in the middle")
	victims := mine.running(t, contract.Engine)
	if len(victims) == 0 {
		t.Fatal("no process of the engine below " + strconv.Itoa(mine.process.Process.Pid))
	}
	for _, p := range victims {
		check(t, syscall.Kill(p.pid, syscall.SIGKILL))
	}
	awaitAnswer(t, host("survivor"), hello("after"))
	awaitState(t, "survivor", "Ready", "")
	if n := len(of(t, deployments, "survivor")); n != 2 {
		t.Errorf("%d Deployments, want 2", n)
	}
}

// sluice-local is the API server and the node as well: all of it at once.
func TestChaos_AKilledClusterComesBack(t *testing.T) {
	mine := ownCluster(t)
	f := newFleet(t, "phoenix", 8)
	f.deploy("one")
	f.arrived("one", 1)
	f.deploy("two")
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // anywhere in the apply
	old := mine.running(t, "")
	if len(old) < len(f.names) {
		t.Fatalf("%d processes below sluice-local, want one for each of %d services at least", len(old), len(f.names))
	}
	check(t, mine.stop(syscall.SIGKILL))
	check(t, mine.start())
	for _, p := range old {
		if p.alive() && mine.node == "process" { // containers are taken over
			t.Errorf("an orphan of the old run: process %d, %s", p.pid, p.args)
		}
	}
	f.arrived("two", 2)
	nodes, err := kubeClient(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	check(t, err)
	if len(nodes.Items) != 1 {
		t.Errorf("%d nodes", len(nodes.Items))
	}
}

// ownCluster is the cluster under test if the tests started it, or else another
// one until the test ends: what was given to the tests is not theirs to kill.
func ownCluster(t *testing.T) *cluster {
	t.Helper()
	if under.process != nil {
		return under
	}
	own, err := startCluster()
	check(t, err)
	given := under
	under = own
	t.Cleanup(func() {
		under = given
		check(t, own.close())
	})
	return own
}

// proc is a process, told from a later one of the same number by its start.
type proc struct {
	pid     int
	args    string
	started string
}

// running are the processes below sluice-local, or below its containers' shims,
// with that word among their arguments; of its own helpers only those that run
// apps.
func (c *cluster) running(t *testing.T, word string) []proc {
	t.Helper()
	children, next := map[int][]proc{}, []int{c.process.Process.Pid}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	check(t, err)
	for _, dir := range dirs {
		if p, parent, ok := readProc(dir); ok {
			children[parent] = append(children[parent], p)
			if strings.Contains(p.args, "-address "+c.dir+"/") { // a shim has no parent
				next = append(next, p.pid)
			}
		}
	}
	var found []proc
	for len(next) > 0 {
		for _, p := range children[next[0]] {
			next = append(next, p.pid)
			if word == "" || strings.Contains(" "+p.args+" ", " "+word+" ") {
				found = append(found, p)
			}
		}
		next = next[1:]
	}
	return found
}

// readProc reads a folder of /proc.
func readProc(dir string) (p proc, parent int, ok bool) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, 0, false
	}
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return p, 0, false
	}
	// The name, in parentheses, may hold anything; the state comes next.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return p, 0, false
	}
	p.pid, _ = strconv.Atoi(filepath.Base(dir))
	parent, _ = strconv.Atoi(fields[1])
	p.args, p.started = strings.ReplaceAll(string(args), "\x00", " "), fields[19]
	return p, parent, true
}

// alive reports whether the very same process still runs.
func (p proc) alive() bool {
	now, _, ok := readProc("/proc/" + strconv.Itoa(p.pid))
	return ok && now.started == p.started
}
