package autoscaler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	beat      = 2 * time.Second // between two heartbeats of ours
	quiet     = 2 * time.Second // of an HTTP/2 connection, before it is asked whether it lives
	lingering = 10 * time.Second
)

// Handler serves activators' streams (POST stat.LoadPath), decisions
// (contract.PathExplain) and what is active (contract.PathTop).
func (a *Autoscaler) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+stat.LoadPath, a.cfg.Protect(http.HandlerFunc(a.load), contract.Activator))
	page := func(path string, h http.HandlerFunc) {
		mux.Handle("GET "+path, a.cfg.Protect(h, contract.Operator, contract.Engine))
	}
	page(contract.PathExplain, a.explainPage)
	page(contract.PathTop, a.topPage)
	page(contract.PathAnswers, a.answersPage)
	return mux
}

// Bound is closed when the listener is open: from then on Addr may be asked.
func (a *Autoscaler) Bound() <-chan struct{} { return a.bound }

// Addr is where the autoscaler listens. It may be asked when Bound is closed.
func (a *Autoscaler) Addr() net.Addr { return a.addr }

// serve is Run with a listener.
func (a *Autoscaler) serve(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("autoscaler: %w", err)
	}
	a.addr = l.Addr()
	close(a.bound)
	server := &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: lingering, Protocols: new(http.Protocols),
		HTTP2:       &http.HTTP2Config{SendPingTimeout: quiet, PingTimeout: a.cfg.Silence},
		BaseContext: func(net.Listener) context.Context { return a.base },
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	var wg sync.WaitGroup
	wg.Go(func() { a.agenda.run(a.base) })
	stop := context.AfterFunc(a.base, func() { _ = server.Close() }) // streams end with the autoscaler
	err = server.Serve(l)
	stop()
	a.end()
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("autoscaler: %w", err)
}

// load serves one standing stream: frames, and acknowledgements a line the other
// way.
func (a *Autoscaler) load(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 has it anyway
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Accept-Post", stat.BlockType+", application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	if control.Flush() != nil {
		return
	}
	s := a.Open()
	ctx, cancel := context.WithCancel(r.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if a.answer(ctx, s, w, control) {
			_ = control.SetReadDeadline(time.Unix(1, 0)) // ends the reading
		}
	})
	err := s.read(r.Body, control)
	cancel()
	s.Close()
	wg.Wait()
	if err != nil && a.base.Err() == nil {
		a.cfg.Log.Info("activator's stream ended", "remote", r.RemoteAddr, "error", err)
	}
}

// answer writes acknowledgements and heartbeats. It is true if the stream is at
// its end, and false if ctx is.
func (a *Autoscaler) answer(ctx context.Context, s *Stream, w io.Writer, control *http.ResponseController) bool {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	lines := json.NewEncoder(w)
	for {
		var err error
		select {
		case ack := <-s.Acks():
			err = lines.Encode(ack)
		case <-tick.C:
			_, err = io.WriteString(w, "\n")
		case <-ctx.Done():
			return false
		case <-a.base.Done():
			return true
		}
		if err != nil || control.Flush() != nil {
			return true
		}
		_ = control.SetWriteDeadline(time.Now().Add(lingering))
	}
}
