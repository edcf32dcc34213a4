package channel

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/front"
)

// Server serves the ingress: HTTP/1.1 and, from the first byte, HTTP/2 without TLS.
func (d *Dispatcher) Server() *front.Server {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	return front.New(&http.Server{
		Handler:           d.Ingress(),
		Protocols:         &both,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(d.cfg.Log.Handler(), slog.LevelWarn),
	})
}
