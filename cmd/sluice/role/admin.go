package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// admin is the engine's own small HTTP server.
type admin struct {
	server *http.Server
	mux    *http.ServeMux
	ready  atomic.Bool
	log    *slog.Logger

	writeLock sync.Mutex // guards write
	write     []func(http.ResponseWriter) error
}

func newAdmin(addr string, log *slog.Logger) *admin {
	a := &admin{mux: http.NewServeMux(), log: log}
	a.server = &http.Server{Addr: addr, Handler: a.mux, ReadHeaderTimeout: 5 * time.Second}
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !a.ready.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	a.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		a.writeLock.Lock()
		writers := slices.Clone(a.write)
		a.writeLock.Unlock()
		for _, write := range writers {
			if err := write(w); err != nil {
				return // the reader is gone
			}
		}
	})
	return a
}

// also adds to what /metrics prints.
func (a *admin) also(write func(http.ResponseWriter) error) {
	a.writeLock.Lock()
	defer a.writeLock.Unlock()
	a.write = append(a.write, write)
}

// metric serves counters with one label in Prometheus' text form.
func (a *admin) metric(name, help, label string, values func() map[string]int64) {
	a.also(func(w http.ResponseWriter) error {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n", name, help, name)
		counts := values()
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			if _, err := fmt.Fprintf(w, "%s{%s=%q} %d\n", name, label, key, counts[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

// run serves until ctx ends.
func (a *admin) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := a.server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("admin: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return a.server.Shutdown(last)
	})
	return g.Wait()
}
