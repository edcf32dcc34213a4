package activator

import (
	"bytes"
	"io"
	"net/http"

	"github.com/sluice-dev/sluice/schema/contract"
)

// adminPages serves health (the process lives), readiness (it should get
// requests) and metrics.
func (s *Server) adminPages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.ready() {
			say(w, http.StatusOK, "ready\n")
			return
		}
		say(w, http.StatusServiceUnavailable, "not ready\n")
	})
	mux.HandleFunc("GET /metrics", s.metrics)
	if s.cfg.Peers != nil {
		mux.Handle("GET "+contract.PathPlaces, s.cfg.Peers)
	}
	return mux
}

// ready tells whether requests are taken, every part is ready, and the process
// does not stop.
func (s *Server) ready() bool {
	select {
	case <-s.bound:
	default:
		return false
	}
	if s.stopping.Load() {
		return false
	}
	for _, part := range s.cfg.Ready {
		if !part() {
			return false
		}
	}
	return true
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	for _, print := range s.cfg.Metrics {
		if err := print(&page); err != nil {
			s.cfg.Log.Warn("metrics failed", "error", err)
			say(w, http.StatusInternalServerError, "metrics failed\n")
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = page.WriteTo(w) // the reader may be gone; there is nobody else to tell
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // as above
}
