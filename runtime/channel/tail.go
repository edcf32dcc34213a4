package channel

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// tailSilence is how long nothing has to come until whoever follows a channel is
// told that all is well.
const tailSilence = 300 * time.Millisecond

// tail streams what a channel stores.
func (d *Dispatcher) tail(w http.ResponseWriter, r *http.Request) {
	c, l, err := d.askedChannel(r)
	if err != nil {
		answer(w, err)
		return
	}
	left, err := limit(r, -1)
	if err != nil {
		answer(w, err)
		return
	}
	from := bus.Latest()
	since, position := r.FormValue("since"), r.FormValue("position")
	if since != "" || position != "" {
		if from, err = pointOf(since, position); err != nil {
			answer(w, refuse(http.StatusBadRequest, "%v", err))
			return
		}
	}
	driver, _, err := l.opened()
	browser, ok := driver.(bus.Browser)
	if err != nil || !ok {
		answer(w, refuse(http.StatusNotImplemented, "bus %s cannot be looked into", l.ref))
		return
	}
	out := &ndjson{w: w}
	begins := time.AfterFunc(tailSilence, out.begin)
	defer begins.Stop()
	err = browser.Browse(r.Context(), topicName(c.spec.Ref), from, r.FormValue("follow") != "false", func(m *bus.Message) bool {
		left--
		return out.write(stored(c.spec.Ref, m)) == nil && left != 0
	})
	if err == nil || r.Context().Err() != nil {
		out.begin() // and that is all
		return
	}
	d.cfg.Log.Warn("tail ended", "channel", c.spec.Ref, "error", err)
	if !out.fail(err) {
		panic(http.ErrAbortHandler) // so that it is not taken for all that there is
	}
}

// ndjson answers with JSON, line by line; or, as long as there was none, with an
// error.
type ndjson struct {
	mu    sync.Mutex // guards the rest
	w     http.ResponseWriter
	begun bool // or failed
}

// begin says that there is no error.
func (l *ndjson) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun {
		return
	}
	l.begun = true
	l.w.Header().Set("Content-Type", "application/x-ndjson")
	l.w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(l.w).Flush() // the next write says that the reader is gone
}

func (l *ndjson) write(v any) error {
	l.begin()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(json.NewEncoder(l.w).Encode(v), http.NewResponseController(l.w).Flush())
}

// fail answers with an error; false is too late.
func (l *ndjson) fail(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun {
		return false
	}
	l.begun = true
	if errors.Is(err, bus.ErrUnsupported) {
		err = refuse(http.StatusNotImplemented, "%v", err)
	}
	answer(l.w, err)
	return true
}
