package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

// forgetful is a bus that can be followed, and not read back; it breaks off after
// what it shows.
type forgetful struct{ keep }

func (d forgetful) Browse(ctx context.Context, topic string, from bus.Point, follow bool, yield func(*bus.Message) bool) error {
	if !from.IsLatest() || !follow {
		return fmt.Errorf("topic %q: %w: follow it", topic, bus.ErrUnsupported)
	}
	if err := d.keep.Browse(ctx, topic, bus.Earliest(), false, yield); err != nil {
		return err
	}
	return errors.New("the broker went away")
}

// TestTail_SaysWhyThereIsNothing: an error is no empty answer, nor the end of one.
func TestTail_SaysWhyThereIsNothing(t *testing.T) {
	w := start(t, Config{}, forgetful{keep{memory.New(memory.Config{Log: slog.New(slog.DiscardHandler)})}}, orders())
	server := newServer(w.Inspect().ServeHTTP)
	defer server.Close()
	tail := func(query string) (int, string, error) {
		resp, err := http.Get(server.URL + contract.PathEventsTail + "?channel=shop/orders" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	for _, query := range []string{"&since=1h", "&follow=false"} {
		if status, body, err := tail(query); status != http.StatusNotImplemented || !strings.Contains(body, "not supported by this bus: follow it") || err != nil {
			t.Errorf("%s: %d %s, %v", query, status, body, err)
		}
	}
	if status, body, _ := tail(""); status != http.StatusInternalServerError || !strings.Contains(body, "the broker went away") {
		t.Errorf("an error at once: %d %s", status, body)
	}
	w.send("1")
	if status, body, err := tail(""); status != http.StatusOK || !strings.Contains(body, `"id":"1"`) || err == nil {
		t.Errorf("an error later: %d %s, %v", status, body, err)
	}
}
