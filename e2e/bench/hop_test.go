package bench

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hop asks a service directly and through gateway and activator, with wrk.
func (r *requests) hop(t *testing.T) {
	r.table.head("the hop: wrk, direct to the pod and through gateway + activator")
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		r.table.add("wrk is not installed", "skipped", "apt-get install wrk", "")
		return
	}
	r.serve([]string{"warm"}, 0, `autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/max-scale: "1"`)
	if _, err := r.get(host("warm") + "/work"); err != nil {
		t.Fatal(err)
	}
	app := r.podOf("default", "serving.knative.dev/service=warm")
	activator := r.part("activator")
	for _, c := range []int{1, 10, 50} {
		var direct, through fired
		for range few(3, 1) { // by turns, so that both meet the same neighbours
			direct = append(direct, fire(t, wrk, c, "http://"+app.ip+":"+app.port+"/hello", ""))
			before := cpu(t, activator)
			s := fire(t, wrk, c, "http://"+r.http+"/hello", host("warm"))
			s.cpu = (cpu(t, activator) - before) / time.Duration(max(1, s.requests))
			through = append(through, s)
		}
		d, h := direct.median(), through.median()
		r.table.add(fmt.Sprintf("c=%d direct", c), d.String(), "", "")
		r.table.add(fmt.Sprintf("c=%d through", c), h.String(), h.target(c), fmt.Sprintf("%.2fx the requests, %s the p50; %.1f us CPU a request", h.rate/d.rate, ratio(h.p50, d.p50), float64(h.cpu.Nanoseconds())/1000))
	}
}

// shot is one run of wrk.
type shot struct {
	rate     float64
	requests int
	p50, p99 time.Duration
	cpu      time.Duration // of the activator, a request
	failed   string
}

func (s shot) String() string {
	return fmt.Sprintf("%.0f/s, p50 %.3f ms, p99 %.2f ms%s", s.rate, s.p50.Seconds()*1000, s.p99.Seconds()*1000, s.failed)
}

// target is what was to be reached with c clients.
func (s shot) target(c int) string {
	switch c {
	case 1:
		return target("p50 0.20 ms", s.p50 <= 200*time.Microsecond)
	case 50:
		return target("20000/s, p50 2 ms, p99 8 ms", s.rate >= 20000 && s.p50 <= 2*time.Millisecond && s.p99 <= 8*time.Millisecond)
	}
	return ""
}

type fired []shot

// median is the run with the median rate.
func (f fired) median() shot {
	best := f[0]
	for _, s := range f {
		slower := 0
		for _, o := range f {
			if o.rate < s.rate {
				slower++
			}
		}
		if slower == len(f)/2 {
			best = s
		}
	}
	return best
}

var wrkLine = regexp.MustCompile(`(?m)^\s*(50%|99%|Requests/sec:|Socket errors:|Non-2xx or 3xx responses:)\s+(.+)$|(\d+) requests in`)

// fire runs wrk with c connections.
func fire(t *testing.T, wrk string, c int, url, host string) (s shot) {
	t.Helper()
	args := []string{"-t", "1", "-c", strconv.Itoa(c), "-d", fmt.Sprint(few(5, 1), "s"), "--latency"}
	if host != "" {
		args = append(args, "-H", "Host: "+host)
	}
	out, err := exec.Command(wrk, append(args, url)...).Output()
	if err != nil {
		t.Fatalf("wrk: %v", err)
	}
	for _, m := range wrkLine.FindAllStringSubmatch(string(out), -1) {
		switch m[1] {
		case "50%":
			s.p50, _ = time.ParseDuration(m[2])
		case "99%":
			s.p99, _ = time.ParseDuration(m[2])
		case "Requests/sec:":
			s.rate, _ = strconv.ParseFloat(m[2], 64)
		case "":
			s.requests, _ = strconv.Atoi(m[3])
		default:
			s.failed += "; " + m[1] + " " + m[2]
		}
	}
	if s.requests == 0 || s.failed != "" {
		t.Errorf("wrk %s:\n%s", url, out)
	}
	return s
}

// resident is the memory of a process in bytes; what it shares with others (two
// parts of the platform are one program) is counted once among them.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "Pss: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatalf("process %d has no Pss", pid)
	return 0
}
