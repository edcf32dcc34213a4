// echo says over a WebSocket what it hears. When it is told to stop, it ends
// its talks and then itself.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/websocket"
)

func main() {
	var talks sync.WaitGroup
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	echo := websocket.Handler(func(c *websocket.Conn) {
		talks.Add(1)
		defer talks.Done()
		defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Now()) })() // the handler ends, and says goodbye
		_, _ = io.Copy(c, c)                                                         // until either side has enough
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: echo, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.WithoutCancel(ctx)) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	talks.Wait()
}
