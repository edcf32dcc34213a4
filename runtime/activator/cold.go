package activator

import (
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// stage is how far a cold start has come.
type stage int

const (
	coldWoken     stage = iota // the autoscaler has said yes
	coldCreated                // there is a Pod object
	coldScheduled              // it has a node
	coldStarted                // a container runs
	coldReady                  // it takes requests
	coldFirstByte              // the answer begins
	stages
)

// stageNames are the values of the label stage; the last is all of them together.
var stageNames = [stages + 1]string{"wake", "pod_created", "scheduled", "container_started", "ready", "first_byte", "total"}

// cold is one start of a revision without pods, from the request that finds
// none to the first byte of an answer, as this process sees it.
type cold struct {
	begun   time.Time // when the request came; zero: no start is watched
	reached [stages]time.Time
}

// colds are the starts so far: how long each stage took after the one before.
type colds [stages + 1]stat.Histogram

// beginCold begins to watch if the revision has no pod. The caller holds mu.
func (v *revision) beginCold(arrived time.Time) {
	if v.cold.begun.IsZero() && v.live() == 0 {
		v.cold = cold{begun: arrived}
		v.isCold.Store(true)
	}
}

// leaveCold ends the watch of a start when nobody is left who waits for it: the
// next request has not waited since then. The caller holds mu.
func (v *revision) leaveCold() {
	if v.cold.begun.IsZero() || v.line.length+v.loans.asking > 0 || v.running > 0 && !v.cold.reached[coldReady].IsZero() {
		return
	}
	v.cold = cold{}
	v.isCold.Store(false)
}

// reach notes that a stage is reached, the first time. The revision's mu is held.
func (c *cold) reach(s stage) {
	if !c.begun.IsZero() && c.reached[s].IsZero() {
		c.reached[s] = time.Now()
	}
}

// sees notes what a Pod says. The revision's mu is held.
func (c *cold) sees(e endpoint) {
	if c.begun.IsZero() || e.terminating {
		return
	}
	c.reach(coldCreated)
	if e.scheduled {
		c.reach(coldScheduled)
	}
	if e.started {
		c.reach(coldStarted)
	}
}

// endCold has the start end with the first byte on w. Of several requests the
// first that is asked for an answer counts.
func (v *revision) endCold(w http.ResponseWriter) http.ResponseWriter {
	v.lock()
	defer v.unlock()
	if v.cold.begun.IsZero() || v.cold.reached[coldReady].IsZero() {
		return w
	}
	c := v.cold
	v.cold = cold{}
	v.isCold.Store(false)
	return &firstByte{ResponseWriter: w, colds: &v.owner.colds, start: c}
}

// firstByte is a ResponseWriter that notes when the answer begins.
type firstByte struct {
	http.ResponseWriter
	colds *colds
	start cold
	seen  bool
}

// WriteHeader implements http.ResponseWriter.
func (f *firstByte) WriteHeader(status int) {
	if status >= 200 && !f.seen {
		f.seen = true
		f.start.reach(coldFirstByte)
		f.colds.observe(f.start)
	}
	f.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController see what is behind.
func (f *firstByte) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// observe counts a whole start. A stage that was passed unseen (two changes
// came as one) took no time of its own.
func (cs *colds) observe(c cold) {
	at := c.begun
	for s, when := range c.reached {
		var took time.Duration
		if when.After(at) {
			took, at = when.Sub(at), when
		}
		cs[s].Observe(took)
	}
	cs[stages].Observe(at.Sub(c.begun))
}

// write prints the histogram. Only stages tell its series apart: a label for
// each revision would be more series than starts.
func (cs *colds) write(w *stat.Writer) {
	const name = "sluice_activator_cold_start_duration_seconds"
	w.Family(name, "histogram", "Time that each stage of a start from zero took, and all of them together.")
	for s := range cs {
		w.Histogram(name, &cs[s], stat.Label{Name: "stage", Value: stageNames[s]})
	}
}
