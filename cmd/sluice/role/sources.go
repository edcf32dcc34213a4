package role

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// serveSources serves the repository's trees to builds until ctx ends. On an
// address that two engines may have, the one that comes waits for the one
// that goes; builds ask again meanwhile.
func serveSources(ctx context.Context, addr string, sources http.Handler, log *slog.Logger) error {
	listener, err := listenPatiently(ctx, addr, log)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: sources, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listenPatiently listens as soon as the address is free.
func listenPatiently(ctx context.Context, addr string, log *slog.Logger) (net.Listener, error) {
	for said := false; ; said = true {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", addr)
		if err == nil || ctx.Err() != nil {
			return l, ctx.Err()
		}
		if !said {
			log.Info("address for sources is taken; trying on", "address", addr, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
