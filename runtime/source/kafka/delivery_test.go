package kafka

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

// mailbox takes dead letters.
func mailbox(t *testing.T) (*contract.Destination, <-chan string) {
	letters := make(chan string, 64)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		letters <- string(body) + " " + r.Header.Get("ce-knativeerrorcode")
	}))
	t.Cleanup(server.Close)
	return &contract.Destination{URL: server.URL}, letters
}

// TestRun_DeadLetters has one record of ten refused: it goes elsewhere, its
// offset is committed, and the others come in order.
func TestRun_DeadLetters(t *testing.T) { deadLetters(t, newBench(t, 1)) }

// deadLetters also gives where dead letters go.
func deadLetters(t *testing.T, b *bench) *contract.Destination {
	t.Helper()
	bad := "0/4"
	b.refuse.Store(&bad)
	to, letters := mailbox(t)
	b.produce(0, 0, 10)
	stop := b.startWith(source.SinkConfig{DeadLetter: to}, Secrets{}, earliest)
	b.awaitCount(9)
	stop()
	want := []string{"0/0", "0/1", "0/2", "0/3", "0/5", "0/6", "0/7", "0/8", "0/9"}
	if got := b.bodies(); !slices.Equal(got, want) {
		t.Errorf("came %q, want %q", got, want)
	}
	if got := <-letters; got != "0/4 400" {
		t.Errorf("the dead letter is %q", got)
	}
	if at := b.committed(0); at != 10 {
		t.Errorf("committed %d, want 10", at)
	}
	return to
}

// TestRun_TriesAsOftenAsTheDeliverySays has a sink that is down: after three
// attempts a record is a dead letter.
func TestRun_TriesAsOftenAsTheDeliverySays(t *testing.T) {
	b := newBench(t, 1)
	b.down.Store(true)
	to, letters := mailbox(t)
	b.produce(0, 0, 3)
	how := contract.Delivery{Retry: 2, BackoffDelay: contract.Duration(time.Millisecond)}
	stop := b.startWith(source.SinkConfig{Delivery: &how, DeadLetter: to}, Secrets{}, earliest)
	for _, want := range []string{"0/0 503", "0/1 503", "0/2 503"} {
		if got := <-letters; got != want {
			t.Errorf("the dead letter is %q, want %q", got, want)
		}
	}
	stop()
	if at := b.committed(0); at != 3 || len(b.bodies()) != 0 {
		t.Errorf("committed %d, want 3; came %q", at, b.bodies())
	}
}

// TestRun_WithoutWhereToPutItThePlaceIsKept has a sink and a mailbox that are
// down: nothing is committed, and all comes when the sink is up.
func TestRun_WithoutWhereToPutItThePlaceIsKept(t *testing.T) {
	b := newBench(t, 1)
	b.down.Store(true)
	asked := make(chan struct{}, 1)
	shut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		tell(asked)
	}))
	t.Cleanup(shut.Close)
	b.produce(0, 0, 3)
	how := contract.Delivery{BackoffDelay: contract.Duration(time.Millisecond)}
	to := source.SinkConfig{Delivery: &how, DeadLetter: &contract.Destination{URL: shut.URL}}
	stop := b.startWith(to, Secrets{}, earliest)
	<-asked
	<-asked
	stop()
	if at := b.committed(0); at != 0 {
		t.Fatalf("committed %d of what is nowhere", at)
	}
	b.down.Store(false)
	b.startWith(to, Secrets{}, earliest)
	b.awaitCount(3)
	checkOrder(t, b.bodies(), 1, 3)
}
