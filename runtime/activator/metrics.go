package activator

import (
	"cmp"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// counters of one revision.
type counters struct {
	byClass  [6]atomic.Uint64 // by the first digit of the status
	duration stat.Histogram
}

func (c *counters) observe(status int, d time.Duration) {
	c.byClass[min(max(status/100, 0), 5)].Add(1)
	c.duration.Observe(d)
}

// Load is what one revision is doing now.
type Load struct {
	Key
	// Service is the name of the Service that the revision belongs to.
	Service string
	// Pods exist; Ready take requests; Terminating end.
	Pods, Ready, Terminating int
	// Retiring are ready ones that are to go.
	Retiring int
	// InFlight requests are at pods, Queued ones wait.
	InFlight, Queued int
	// Line is how many wait here, those of other activators among them.
	Line int
	// Requests is how many were answered or refused so far.
	Requests uint64
}

// Loads lists what every known revision is doing, in the order of their names.
func (a *Activator) Loads() []Load {
	var all []Load
	a.revisions.each(func(v *revision) { all = append(all, v.load()) })
	slices.SortFunc(all, func(x, y Load) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Revision, y.Revision))
	})
	return all
}

func (v *revision) load() Load {
	v.lock()
	defer v.unlock()
	l := Load{Key: v.key, Service: v.service, Pods: len(v.pods), Ready: len(v.usable), InFlight: v.running, Queued: v.line.length - v.loans.waiting + v.loans.asking, Line: v.line.length}
	l.Terminating = l.Pods - v.live()
	for _, p := range v.usable {
		if p.retiring {
			l.Retiring++
		}
	}
	l.Requests = v.stats.duration.Count()
	return l
}

var classes = [6]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}

// WriteMetrics prints the activator's metrics in Prometheus' text format, under
// the names that Knative's become there.
func (a *Activator) WriteMetrics(out io.Writer) error {
	w := stat.NewWriter(out)
	loads := a.Loads()
	gauge := func(name, help string, value func(Load) int) {
		w.Family(name, "gauge", help)
		for _, l := range loads {
			w.Sample(name, float64(value(l)), labels(l)...)
		}
	}
	gauge("kn_revision_request_concurrency", "Requests in the activator: at pods and waiting.", func(l Load) int { return l.InFlight + l.Queued })
	gauge("kn_revision_request_active", "Requests at pods.", func(l Load) int { return l.InFlight })
	gauge("kn_revision_request_queued", "Requests that wait for a pod.", func(l Load) int { return l.Queued })
	gauge("kn_revision_pods_count", "Pods that take requests.", func(l Load) int { return l.Ready })
	gauge("kn_revision_pods_not_ready", "Pods that do not take requests yet.", func(l Load) int { return l.Pods - l.Ready - l.Terminating })
	gauge("kn_revision_pods_terminating", "Pods that end.", func(l Load) int { return l.Terminating })
	a.writeCounters(w, loads)
	a.colds.write(w)
	return w.Flush()
}

func labels(l Load) []stat.Label {
	return []stat.Label{{Name: "namespace", Value: l.Namespace}, {Name: "service", Value: l.Service}, {Name: "revision", Value: l.Revision}}
}

func (a *Activator) writeCounters(w *stat.Writer, loads []Load) {
	const requests, duration = "sluice_activator_requests_total", "kn_serving_invocation_duration_seconds"
	w.Family(requests, "counter", "Requests answered, by class of status.")
	a.eachCounters(loads, func(l Load, c *counters) {
		for i := 1; i < len(classes); i++ {
			w.Sample(requests, float64(c.byClass[i].Load()), append(labels(l), stat.Label{Name: "code_class", Value: classes[i]})...)
		}
	})
	w.Family(duration, "histogram", "Time from a request's arrival to the end of its answer.")
	a.eachCounters(loads, func(l Load, c *counters) { w.Histogram(duration, &c.duration, labels(l)...) })
}

func (a *Activator) eachCounters(loads []Load, f func(Load, *counters)) {
	for _, l := range loads {
		if v := a.revisions.find(l.Key); v != nil {
			f(l, &v.stats)
		}
	}
}
