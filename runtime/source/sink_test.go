package source

import (
	"context"
	"encoding/base64"
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
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sinkTo(t *testing.T, h http.HandlerFunc, extensions map[string]string, change ...func(*SinkConfig)) *Sink {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := SinkConfig{URL: server.URL, Extensions: extensions, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	s, err := NewSink(cfg)
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
	if err := s.Send(t.Context(), event()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "answered 400 Bad Request: no such type") {
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

// retrying is a delivery that tries n times more, without waiting.
func retrying(n int) func(*SinkConfig) {
	return func(c *SinkConfig) {
		c.Delivery = &contract.Delivery{Retry: n, Timeout: contract.Duration(time.Minute)}
	}
}

func TestSend_TriesAsOftenAsTheDeliverySays(t *testing.T) {
	var calls atomic.Int64
	s := sinkTo(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		http.Error(w, "later", http.StatusServiceUnavailable)
	}, nil, retrying(2))
	err := s.Send(t.Context(), event())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "(attempts: 3)") || !strings.Contains(err.Error(), "503 Service Unavailable: later") {
		t.Errorf("got %v", err)
	}
	if c := s.Counts(); calls.Load() != 3 || c["refused"] != 1 || c["failed"] != 2 {
		t.Errorf("%d calls, %v", calls.Load(), c)
	}
}

func TestSend_DeadLetters(t *testing.T) {
	for _, c := range []struct {
		name           string
		status, calls  int
		header, answer string
	}{
		{"refused at once", http.StatusUnprocessableEntity, 1, "422", "no"},
		{"a redirect is not followed", http.StatusFound, 1, "302", "no"},
		{"tried as often as it may be", http.StatusInternalServerError, 3, "500", "no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int64
			letters := make(chan http.Header, 8)
			mailbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) < 3 { // neither this nor a refusal makes a dead letter get lost
					w.WriteHeader([]int{http.StatusBadRequest, http.StatusServiceUnavailable}[tries.Load()%2])
					return
				}
				letters <- r.Header
			}))
			defer mailbox.Close()
			var calls atomic.Int64
			s := sinkTo(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}, nil, retrying(2), func(cfg *SinkConfig) { cfg.DeadLetter = &contract.Destination{URL: mailbox.URL} })
			if err := s.Send(t.Context(), event()); err != nil {
				t.Fatal(err)
			}
			got := <-letters
			if got.Get("ce-id") != "1" || got.Get("ce-knativeerrorcode") != c.header || got.Get("ce-knativeerrordest") != s.target.URL() ||
				got.Get("ce-knativeerrordata") != base64.StdEncoding.EncodeToString([]byte(c.answer)) {
				t.Errorf("the dead letter has %v", got)
			}
			if n := s.Counts(); calls.Load() != int64(c.calls) || n["dead"] != 1 || n["sent"]+n["refused"] != 0 {
				t.Errorf("%d calls, %v", calls.Load(), n)
			}
		})
	}
}

func TestSend_ADeadLetterThatIsNotTakenIsNotLost(t *testing.T) {
	failed := make(chan struct{}, 1)
	down := func(w http.ResponseWriter, _ *http.Request) {
		select {
		case failed <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusInternalServerError)
	}
	mailbox := httptest.NewServer(http.HandlerFunc(down))
	defer mailbox.Close()
	s := sinkTo(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, nil,
		retrying(0), func(c *SinkConfig) { c.DeadLetter = &contract.Destination{URL: mailbox.URL} })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-failed; <-failed; cancel() }()
	if err := s.Send(ctx, event()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it goes on until its context ends", err)
	}
}

func TestSend_AsTheDeliverySays(t *testing.T) {
	hang := make(chan struct{})
	s := sinkTo(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents+json" {
			t.Errorf("sent as %s", got)
		}
		<-hang
	}, nil, func(c *SinkConfig) {
		c.Delivery = &contract.Delivery{Timeout: contract.Duration(10 * time.Millisecond), Format: contract.FormatJSON}
	})
	defer close(hang)
	if err := s.Send(t.Context(), event()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "it took too long") {
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
		{SinkConfig{URL: "http://x", DeadLetter: &contract.Destination{URL: "mailbox"}}, "SLUICE_SOURCE: deadLetter: "},
		{SinkConfig{URL: "http://x", Extensions: map[string]string{"My_Ext": "1"}}, "K_CE_OVERRIDES: extension My_Ext: "},
	} {
		if _, err := NewSink(c.cfg); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
