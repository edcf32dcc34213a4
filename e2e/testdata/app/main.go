// The app of the tests: it tells what reached it, and answers as slowly as it
// is asked to. With BROKEN its work fails. With HOLD it holds so many MiB. With ABRUPT it dies of SIGTERM, whatever it is doing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/websocket"
)

// inside counts the requests that are being answered.
var inside atomic.Int64

// held is memory that is in use for as long as the app lives.
var held []byte

func main() {
	hold(os.Getenv("HOLD"))
	mux := http.NewServeMux()
	mux.HandleFunc("/", tell)
	mux.HandleFunc("/work", work)
	mux.HandleFunc("/call", call)
	mux.HandleFunc("/mirror", mirror)
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello, World!") })
	mux.Handle("/echo", websocket.Handler(func(c *websocket.Conn) { _, _ = io.Copy(c, c) }))
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux, Protocols: &both, ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("ABRUPT") != "" { // as an app that has never heard of signals
		signal.Reset(syscall.SIGTERM)
	}
	home := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		home <- server.Shutdown(last)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-home; err != nil {
		log.Fatal(err)
	}
}

// tell answers with what the app sees of itself and of the request.
func tell(w http.ResponseWriter, r *http.Request) {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"proto": r.Proto, "host": r.Host, "headers": r.Header, "env": env})
}

// call answers with what `url` answers.
func call(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(r.URL.Query().Get("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// mirror sends back what comes while it comes, or with `refuse` does not look
// at it at all.
func mirror(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("refuse") {
		http.Error(w, "not that", http.StatusRequestEntityTooLarge)
		return
	}
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 needs none
	_, _ = io.Copy(flushing{w}, r.Body)
}

// flushing sends every piece at once.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	_ = http.NewResponseController(f.ResponseWriter).Flush()
	return n, err
}

// hold takes so many MiB, and touches them: the kernel gives a page when it is
// written to.
func hold(mib string) {
	n, _ := strconv.Atoi(mib)
	held = make([]byte, n<<20)
	for i := 0; i < len(held); i += os.Getpagesize() {
		held[i] = 1
	}
}

// burn keeps a core busy for a while.
func burn(s string) {
	d, _ := time.ParseDuration(s)
	for until := time.Now().Add(d); time.Now().Before(until); {
	}
}

// work waits `before`, works hard for `burn`, begins its answer, waits `gap` before each of `parts`,
// and ends. With `alone` it answers 500 if it is not the only request here.
func work(w http.ResponseWriter, r *http.Request) {
	n := inside.Add(1)
	defer inside.Add(-1)
	q := r.URL.Query()
	pause(q.Get("before"))
	burn(q.Get("burn"))
	if os.Getenv("BROKEN") != "" {
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	}
	if q.Has("alone") && (n > 1 || inside.Load() > 1) {
		http.Error(w, fmt.Sprint(n, " at once"), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, os.Getenv("TARGET"))
	_ = http.NewResponseController(w).Flush()
	parts, _ := strconv.Atoi(q.Get("parts"))
	for range parts {
		pause(q.Get("gap"))
		fmt.Fprint(w, ".")
		_ = http.NewResponseController(w).Flush()
	}
}

func pause(s string) {
	if d, err := time.ParseDuration(s); err == nil {
		time.Sleep(d)
	}
}
