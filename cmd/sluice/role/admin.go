package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
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
	write  []func(http.ResponseWriter)
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
		for _, write := range a.write {
			write(w)
		}
	})
	return a
}

// metric serves counters with one label in Prometheus' text form.
func (a *admin) metric(name, help, label string, values func() map[string]int64) {
	a.write = append(a.write, func(w http.ResponseWriter) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n", name, help, name)
		counts := values()
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(w, "%s{%s=%q} %d\n", name, label, key, counts[key])
		}
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
