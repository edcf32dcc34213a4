package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

func spec(name string, state status.State) status.Spec {
	return status.Spec{Identity: schema.Identity{Kind: "Service", Namespace: "default", Name: name}, State: state}
}

func TestStore_WhatIsWrittenIsRead(t *testing.T) {
	client := fake.NewClientset()
	if _, err := Read(t.Context(), client); err == nil || !strings.Contains(err.Error(), "has not reported yet") {
		t.Errorf("before the first report: %v", err)
	}
	want := status.Report{Repository: "r", Branch: "main", Commit: "c", State: status.Ready}
	for i := range 1000 {
		want.Specs = append(want.Specs, spec(fmt.Sprint("s", i), status.Ready))
	}
	for range 2 { // a second write replaces the first
		if err := Write(t.Context(), client, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(t.Context(), client)
	if err != nil || !status.Equal(want, got) {
		t.Errorf("%v: got %d specs", err, len(got.Specs))
	}
}

func TestStore_AReportThatIsTooLargeIsCutNotLost(t *testing.T) {
	r := status.Report{Commit: "c", State: status.Invalid}
	for i := range 60_000 {
		text := fmt.Sprintf("%x", i*7919*104729)
		r.Problems = append(r.Problems, schema.Problem{File: text + ".yaml", Line: i, Text: strings.Repeat(text, 5)})
	}
	packed, err := pack(r)
	if err != nil || len(packed) > maxPacked {
		t.Errorf("%v: %d bytes", err, len(packed))
	}
}

// sink collects CloudEvents.
func sink(t *testing.T) (url string, got <-chan string) {
	ch := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var e status.Event
		if err := json.Unmarshal(b, &e); err != nil {
			t.Error(err)
		}
		ch <- r.Header.Get("Ce-Type") + " " + r.Header.Get("Ce-Source") + " " + r.Header.Get("Ce-Subject") + " " + e.Message
	}))
	t.Cleanup(server.Close)
	return server.URL, ch
}

type recorded chan status.Event

func (r recorded) Record(e status.Event) { r <- e }

func TestReporter_TellsEveryone(t *testing.T) {
	url, events := sink(t)
	s, err := NewSink(url, "memory")
	if err != nil {
		t.Fatal(err)
	}
	client, kube := fake.NewClientset(), make(recorded, 10)
	r, err := New(Config{Client: client, Sink: s, Recorder: kube, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	next := status.Report{Commit: "abcdefghij", Subject: "first", State: status.Ready, Specs: []status.Spec{spec("hello", status.Ready)}}
	r.Report(status.Report{}, next)
	for _, want := range []string{
		"dev.sluice.sync.started sluice:memory  commit abcdefg: first",
		"dev.sluice.sync.succeeded sluice:memory  commit abcdefg: 1 specs ready",
	} {
		if got := <-events; got != want {
			t.Errorf("event %q, want %q", got, want)
		}
	}
	if e := <-kube; e.Type != status.SyncStarted {
		t.Errorf("recorded %v", e)
	}
	for {
		if got, err := Read(t.Context(), client); err == nil && status.Equal(got, next) {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.client = nil
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestReporter_ASlowSinkHoldsNobodyUp(t *testing.T) {
	s, err := NewSink("http://127.0.0.1:1", "memory")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Client: fake.NewClientset(), Sink: s})
	if err != nil {
		t.Fatal(err)
	}
	for i := range queue + 10 { // nobody runs: nothing is taken out
		r.Report(status.Report{}, status.Report{Commit: fmt.Sprint(i)})
	}
}
