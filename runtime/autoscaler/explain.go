package autoscaler

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Explain is the last decisions on a revision that changed something, oldest
// first, and the newest if it is another. False: no such revision is known.
func (a *Autoscaler) Explain(namespace, revision string) ([]decide.Decision, bool) {
	v := a.find(Key{namespace, revision})
	if v == nil {
		return nil, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	list := slices.Clone(v.history)
	if n := len(list); !v.last.At.IsZero() && (n == 0 || list[n-1] != v.last) {
		list = append(list, v.last)
	}
	return list, v.there
}

// Entry is one revision in Top.
type Entry struct {
	Namespace string `json:"namespace"`
	Revision  string `json:"revision"`
	Service   string `json:"service,omitempty"`
	// Want, Have and Ready are pods: decided, asked for, taking requests.
	Want  int32 `json:"want"`
	Have  int32 `json:"have"`
	Ready int32 `json:"ready"`
	// InFlight requests are at pods, Queued ones wait; Rate is requests a second.
	InFlight int     `json:"inFlight"`
	Queued   int     `json:"queued"`
	Rate     float64 `json:"rate"`
	// Stable and Rush are the metric's averages over the stable and the panic window.
	Stable float64 `json:"stable"`
	Rush   float64 `json:"panic"`
	// Metric is what they count, Target how much of it a pod is meant to have.
	Metric decide.Metric `json:"metric"`
	Target float64       `json:"target"`
	// Total is how much of it a pod can take.
	Total float64 `json:"total"`
	// P50 and P95 are the quantiles, in seconds, of how long requests took lately.
	P50 float64 `json:"p50,omitempty"`
	P95 float64 `json:"p95,omitempty"`
	// Panic is whether no pod is taken away for now.
	Panic bool `json:"panicking,omitempty"`
	// Reason is that of the last decision.
	Reason string `json:"reason"`
}

// Top lists the revisions that have pods or requests, by name.
func (a *Autoscaler) Top() []Entry {
	list := []Entry{}
	for _, v := range a.all() {
		if e, active := v.entry(); active {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Revision, y.Revision))
	})
	return list
}

func (v *revision) entry() (e Entry, active bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := &v.last
	e = Entry{
		Namespace: v.key.Namespace, Revision: v.key.Revision, Service: v.facts.service,
		Want: d.Want, Have: v.facts.have, Ready: v.facts.ready, Rate: v.rate,
		Stable: d.StableValue, Rush: d.PanicValue, Metric: d.Metric, Target: d.Target, Total: v.facts.config.Total, Panic: d.Panic, Reason: d.Reason,
	}
	ready := 0
	rate := 0.0
	for _, l := range v.loads {
		e.InFlight += l.inFlight
		e.Queued += l.queued
		ready = max(ready, l.ready)
		rate += l.rate
		e.P50 += l.rate * l.p50 // by their shares of the requests
		e.P95 = max(e.P95, l.p95)
	}
	if e.P50 > 0 {
		e.P50 /= rate
	}
	if len(v.loads) > 0 {
		e.Ready = int32(ready)
	}
	return e, v.there && (e.Have > 0 || e.Want > 0 || len(v.loads) > 0)
}

// Explanation is what contract.PathExplain answers.
type Explanation struct {
	Revision string `json:"revision"`
	// LastActivation is how it went when the revision had to get its first pod.
	LastActivation contract.Activation `json:"lastActivation,omitzero"`
	// Decisions are those of Explain.
	Decisions []decide.Decision `json:"decisions"`
}

func (a *Autoscaler) explainPage(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("revision")
	namespace, revision, ok := strings.Cut(name, "/")
	if !ok {
		http.Error(w, "say which: ?revision=namespace/name", http.StatusBadRequest)
		return
	}
	list, ok := a.Explain(namespace, revision)
	if !ok {
		http.Error(w, "no revision "+name+" is known to this autoscaler", http.StatusNotFound)
		return
	}
	page(w, Explanation{Revision: name, LastActivation: a.lastActivation(Key{namespace, revision}), Decisions: list})
}

func (a *Autoscaler) topPage(w http.ResponseWriter, _ *http.Request) { page(w, a.Top()) }

func page(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader may be gone; there is nobody else to tell
}

// outcomes counts writes.
type outcomes struct{ done, failed atomic.Uint64 }

func (o *outcomes) count(err error) {
	if err != nil {
		o.failed.Add(1)
		return
	}
	o.done.Add(1)
}

// WriteMetrics prints the autoscaler's metrics in Prometheus' text format,
// under the names that Knative's become there.
func (a *Autoscaler) WriteMetrics(out io.Writer) error {
	w := stat.NewWriter(out)
	top := a.Top()
	gauge := func(name, help string, value func(*Entry) float64) {
		w.Family(name, "gauge", help)
		for i := range top {
			w.Sample(name, value(&top[i]), stat.Label{Name: "namespace", Value: top[i].Namespace},
				stat.Label{Name: "service", Value: top[i].Service}, stat.Label{Name: "revision", Value: top[i].Revision})
		}
	}
	gauge("kn_revision_pods_desired", "Pods that were decided on.", func(e *Entry) float64 { return float64(e.Want) })
	gauge("kn_revision_pods_requested", "Pods that the Deployment asks for.", func(e *Entry) float64 { return float64(e.Have) })
	for _, m := range []decide.Metric{decide.Concurrency, decide.RPS} {
		of := func(value func(*Entry) float64) func(*Entry) float64 {
			return func(e *Entry) float64 {
				if e.Metric != m {
					return 0
				}
				return value(e)
			}
		}
		gauge("kn_revision_"+string(m)+"_stable", "Average over the stable window.", of(func(e *Entry) float64 { return e.Stable }))
		gauge("kn_revision_"+string(m)+"_panic", "Average over the panic window.", of(func(e *Entry) float64 { return e.Rush }))
		gauge("kn_revision_"+string(m)+"_target", "What a pod is meant to have.", of(func(e *Entry) float64 { return e.Target }))
	}
	gauge("kn_revision_capacity_excess", "What the ready pods could take beyond what they have over the panic window; less than zero: it is too little.",
		func(e *Entry) float64 { return math.Floor(float64(e.Ready)*e.Total - e.Rush) })
	gauge("kn_revision_panic_mode", "1 if no pod is taken away for now.", func(e *Entry) float64 {
		if e.Panic {
			return 1
		}
		return 0
	})
	const decisions, writes, waking = "sluice_autoscaler_decisions_total", "sluice_autoscaler_writes_total", "sluice_autoscaler_wake_duration_seconds"
	w.Family(decisions, "counter", "Times that it was decided how many pods a revision is to have.")
	w.Sample(decisions, float64(a.decisions.Load()))
	w.Family(writes, "counter", "Scales written, by result.")
	w.Sample(writes, float64(a.writes.done.Load()), stat.Label{Name: "result", Value: "ok"})
	w.Sample(writes, float64(a.writes.failed.Load()), stat.Label{Name: "result", Value: "error"})
	w.Family(waking, "histogram", "From the report that asks for a pod to the scale that was written.")
	w.Histogram(waking, &a.waking)
	return w.Flush()
}
