package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRequests measures the request path of a whole platform: the hop, cold
// starts, scaling under load, and what a thousand sleeping services cost.
func TestRequests(t *testing.T) {
	r := &requests{platform: newPlatform(t), table: &table{}}
	defer func() { t.Log("\n" + r.table.String()) }()
	r.hop(t)
	r.coldStarts(t)
	r.atOnce(t)
	r.oneToFive(t)
	r.asleep(t)
}

// requests is one run.
type requests struct {
	*platform
	table *table
}

// few is n, or a handful where only the way is to be tried.
func few(n, handful int) int {
	if whole() {
		return n
	}
	return handful
}

// coldStarts wakes services one after the other, each for the first time.
func (r *requests) coldStarts(t *testing.T) {
	r.table.head("cold start, from the client's first byte to its last")
	n := few(100, 3)
	floor := r.floor(t, n)
	all := names("cold", n)
	r.serve(all, 0, asleepFromTheStart)
	if whole() {
		r.settle(t) // what the engine has still to do is not measured
	}
	var took sample
	for _, name := range all {
		d, err := r.get(host(name) + "/work")
		if err != nil {
			t.Fatal(name, ": ", err)
		}
		took = append(took, d)
		r.settlePods(name)
	}
	r.table.add(fmt.Sprintf("cold start, n=%d", n), took.String(), target("p50 80 ms, p99 200 ms", took.quantile(.5) <= 80*time.Millisecond && took.quantile(.99) <= 200*time.Millisecond),
		fmt.Sprintf("the same program started by hand %s: %s of it", floor, ratio(took.quantile(.5), floor.quantile(.5))))
	r.stages()
}

// stages says where cold starts spent their time so far, as the activator counts it.
func (r *requests) stages() {
	const name = "sluice_activator_cold_start_duration_seconds"
	var parts []string
	for _, stage := range []string{"wake", "pod_created", "scheduled", "container_started", "ready", "first_byte", "total"} {
		label := fmt.Sprintf("{stage=%q}", stage)
		mean := r.metric(name+"_sum"+label) / max(1, r.metric(name+"_count"+label))
		parts = append(parts, fmt.Sprintf("%s %.1f", stage, mean*1000))
	}
	r.table.add("its stages, mean ms", strings.Join(parts, ", "), "", "")
}

const asleepFromTheStart = `autoscaling.knative.dev/initial-scale: "0", autoscaling.knative.dev/window: 6s`

// settlePods lets the controllers finish with one pod before the next is asked for.
func (r *requests) settlePods(string) { time.Sleep(50 * time.Millisecond) } // nothing announces that

// floor is what the program itself needs: started by hand, asked until it answers.
func (r *requests) floor(t *testing.T, n int) (took sample) {
	for range n {
		addr := freeAddress(t)
		_, port, _ := net.SplitHostPort(addr)
		began := time.Now()
		c := exec.Command(r.app)
		c.Env = append(os.Environ(), "PORT="+port, "TARGET=ok")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for {
			if resp, err := http.Get("http://" + addr + "/work"); err == nil {
				resp.Body.Close()
				break
			}
			time.Sleep(500 * time.Microsecond) // as a prober would
		}
		took = append(took, time.Since(began))
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	}
	return took
}

// atOnce wakes many services in the same moment.
func (r *requests) atOnce(t *testing.T) {
	n := few(50, 3)
	all := names("burst", n)
	r.serve(all, 0, asleepFromTheStart)
	if whole() {
		r.settle(t)
	}
	began := time.Now()
	var home sync.WaitGroup
	var failed atomic.Int64
	for _, name := range all {
		home.Go(func() {
			if _, err := r.get(host(name) + "/work"); err != nil {
				failed.Add(1)
				t.Error(name, ": ", err)
			}
		})
	}
	home.Wait()
	took := time.Since(began)
	r.table.add(fmt.Sprintf("%d services woken at once, all served", n), seconds(took), target("3 s", took <= 3*time.Second && failed.Load() == 0), fmt.Sprintf("%d failed", failed.Load()))
}

// oneToFive puts the work for five pods on a service that has one.
func (r *requests) oneToFive(t *testing.T) {
	const clients, work, window = 50, 100 * time.Millisecond, 100 * time.Millisecond
	r.serve([]string{"grow"}, 10, `autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/max-scale: "10"`)
	if _, err := r.get(host("grow") + "/work"); err != nil {
		t.Fatal(err)
	}
	if whole() {
		r.settle(t) // fifty services that fall asleep meanwhile are another measurement
	}
	var done [100]atomic.Int64
	var home sync.WaitGroup
	began := time.Now()
	for range clients {
		home.Go(func() {
			for time.Since(began) < 3*time.Second {
				if _, err := r.get(host("grow") + "/work?before=" + work.String()); err != nil {
					t.Error(err)
					return
				}
				done[min(len(done)-1, int(time.Since(began)/window))].Add(1)
			}
		})
	}
	home.Wait()
	// The rate is full when, from then on, windows hold nearly what all clients can ask.
	full := float64(clients) * window.Seconds() / work.Seconds() * .8
	at := len(done)
	for i := range 25 {
		if float64(done[i].Load()+done[i+1].Load()+done[i+2].Load())/3 >= full {
			at = i
			break
		}
	}
	took := time.Duration(at) * window
	r.table.add("one pod to five under 50 clients: full rate after", seconds(took), target("0.8 s", took <= 800*time.Millisecond), "Knative 5.2 s")
}

// asleep has a thousand services that nobody asks for.
func (r *requests) asleep(t *testing.T) {
	n := few(1000, 5)
	r.serve(names("asleep", n), 0, asleepFromTheStart)
	time.Sleep(time.Duration(few(30, 1)) * time.Second) // those that were awake fall asleep
	parts := []int{r.part("activator"), r.part("autoscaler")}
	var before, after time.Duration
	for _, pid := range parts {
		before += cpu(t, pid)
	}
	began := time.Now()
	time.Sleep(time.Duration(few(20, 1)) * time.Second) // what is measured is nothing
	var memory int64
	for _, pid := range parts {
		after += cpu(t, pid)
		memory += resident(t, pid)
	}
	share := 100 * (after - before).Seconds() / time.Since(began).Seconds()
	r.table.head(fmt.Sprintf("%d services asleep: autoscaler and activator together", n))
	r.table.add("memory", mib(memory), target("60 MiB", memory <= 60<<20), "Knative about 750 MiB")
	r.table.add("CPU", fmt.Sprintf("%.2f %% of a core", share), target("1 %", share < 1), "")
}
