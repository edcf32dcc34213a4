// receiver takes CloudEvents by POST and tells at GET, on one line, which it
// had: the function of the stories about events.
//
// REPLY, if set, is the type of the event that it answers with; events of the
// type REFUSE it answers 500 to.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// memory is what the events were, in the order in which they came.
type memory struct {
	mu    sync.Mutex
	lines []string
}

func main() {
	m := &memory{}
	server := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "8080"), Handler: m, ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(last)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// ServeHTTP takes an event, or tells what there was.
func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		fmt.Fprintln(w, m.told())
		return
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	kind, id := r.Header.Get("ce-type"), r.Header.Get("ce-id")
	if kind != "" && kind == os.Getenv("REFUSE") {
		http.Error(w, "not today", http.StatusInternalServerError)
		return
	}
	log.Printf("%s %s from %s: %s", kind, id, r.Header.Get("ce-source"), data)
	m.add(strings.TrimSpace(kind + " " + compact(data)))
	reply(w, id, data)
}

// reply answers with an event of one's own, if the function has one to send.
func reply(w http.ResponseWriter, id string, data []byte) {
	kind := os.Getenv("REPLY")
	if kind == "" {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h := w.Header()
	h.Set("ce-specversion", "1.0")
	h.Set("ce-type", kind)
	h.Set("ce-source", "/"+os.Getenv("K_SERVICE"))
	h.Set("ce-id", id+"-"+kind)
	h.Set("Content-Type", "application/json")
	w.Write(data)
}

func (m *memory) add(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, line)
}

func (m *memory) told() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.lines, "; ")
}

// compact is JSON on one line, and anything else as it is.
func compact(data []byte) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return string(data)
	}
	b, _ := json.Marshal(v)
	return string(b)
}
