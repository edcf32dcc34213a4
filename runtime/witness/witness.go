package witness

import (
	"errors"
	"net/http"
	"time"
)

// Config of a witness. Next is required, and one of the others.
type Config struct {
	// Next serves the requests.
	Next http.Handler
	// Log writes a line for each. Default nil: none.
	Log *Log
	// Traces make a span of each. Default nil: none.
	Traces *Traces
}

// New is a handler that serves as cfg.Next does and tells of it; where nobody
// wants to hear, it is cfg.Next itself.
func New(cfg Config) (http.Handler, error) {
	if cfg.Next == nil {
		return nil, errors.New("witness: Next is required")
	}
	if cfg.Log == nil && cfg.Traces == nil {
		return cfg.Next, nil
	}
	return &witness{cfg}, nil
}

type witness struct{ cfg Config }

// ServeHTTP implements http.Handler. A request that ends in a panic (the client
// hung up; the answer was cut short) is told of as well.
func (h *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &answer{ResponseWriter: w, began: time.Now()}
	if h.cfg.Traces != nil {
		var end func(*answer, *http.Request)
		r, end = h.cfg.Traces.begin(r)
		defer func() { end(seen, r) }()
	}
	defer func() {
		seen.took = time.Since(seen.began)
		if h.cfg.Log != nil {
			h.cfg.Log.write(seen, r)
		}
	}()
	seen.broken = true
	h.cfg.Next.ServeHTTP(seen, r)
	seen.broken = false
}

// answer is a ResponseWriter that notes what is written.
type answer struct {
	http.ResponseWriter
	began  time.Time
	took   time.Duration
	status int
	bytes  int64
	broken bool // the answer did not come to its end
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController see what is behind.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// final is the status that is told: an upgraded connection has none of its own,
// a client that hung up has heard none (the number is nginx's).
func (a *answer) final() int {
	switch {
	case a.status != 0:
		return a.status
	case a.broken:
		return 499
	}
	return http.StatusSwitchingProtocols
}
