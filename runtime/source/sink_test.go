package source

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sinkTo(t *testing.T, h http.HandlerFunc, extensions map[string]string) *Sink {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := NewSink(SinkConfig{URL: server.URL, Extensions: extensions, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func event() *cloudevents.Event {
	return &cloudevents.Event{ID: "1", Source: "/s", Type: "t", DataContentType: "text/plain", Data: []byte("hello")}
}

func TestSend_TriesUntilAcknowledged(t *testing.T) {
	var calls atomic.Int64
	s := sinkTo(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "hello" || r.Header.Get("ce-id") != "1" || r.Header.Get("ce-team") != "blue" {
			t.Errorf("got %q %v", body, r.Header)
		}
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}, map[string]string{"team": "blue"})
	if err := s.Send(t.Context(), event()); err != nil {
		t.Fatal(err)
	}
	if c := s.Counts(); calls.Load() != 3 || c["sent"] != 1 || c["failed"] != 2 {
		t.Errorf("%d calls, %v", calls.Load(), c)
	}
}

func TestSend_GivesUpWhatIsRefused(t *testing.T) {
	s := sinkTo(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such type", http.StatusBadRequest)
	}, nil)
	if err := s.Send(t.Context(), event()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "400 no such type") {
		t.Errorf("got %v", err)
	}
}

func TestSend_EndsWithItsContext(t *testing.T) {
	s := sinkTo(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, event()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestNewSink_SaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		cfg  SinkConfig
		want string
	}{
		{SinkConfig{}, "no sink: set K_SINK"},
		{SinkConfig{URL: "channel"}, "K_SINK: "},
		{SinkConfig{URL: "http://x", Extensions: map[string]string{"My_Ext": "1"}}, "K_CE_OVERRIDES: extension My_Ext: "},
	} {
		if _, err := NewSink(c.cfg); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
