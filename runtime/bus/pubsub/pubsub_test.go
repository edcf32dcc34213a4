package pubsub

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func opener(endpoint string, lease time.Duration) func(t *testing.T) bus.Driver {
	return func(t *testing.T) bus.Driver {
		t.Helper()
		b, err := Open(t.Context(), Config{Project: "exam", Endpoint: endpoint, lease: lease, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func fake(t *testing.T) bustest.Store {
	s := pstest.NewServer()
	t.Cleanup(func() { _ = s.Close() })
	const lease = time.Second
	return bustest.Store{Open: opener(s.Addr, lease), Lease: lease, Quiet: 100 * time.Millisecond}
}

func TestPubSub_KeepsItsPromises(t *testing.T) { bustest.Run(t, Promises, fake) }

// TestPubSub_Real sits the exam on Google's emulator; make buses starts one.
func TestPubSub_Real(t *testing.T) {
	endpoint := os.Getenv("SLUICE_PUBSUB")
	if endpoint == "" {
		t.Skip("SLUICE_PUBSUB names no emulator; make buses starts one")
	}
	const lease = 10 * time.Second
	bustest.Run(t, Promises, func(t *testing.T) bustest.Store {
		return bustest.Store{Open: opener(endpoint, lease), Lease: lease, Quiet: 500 * time.Millisecond}
	})
}

func TestOpen_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no project", Config{}, "pubsub: no project is given"},
		{"no port", Config{Project: "p", Endpoint: "localhost"}, `pubsub: endpoint "localhost": write host:port`},
		{"no JSON", Config{Project: "p", Credentials: "sesame"}, "pubsub: the credentials are no JSON"},
		{"a type that fetches", Config{Project: "p", Credentials: `{"type":"external_account","x":"sesame"}`}, "pubsub: the credentials' type is none of"},
		{"no key", Config{Project: "p", Credentials: `{"type":"service_account","private_key":"sesame"}`}, "pubsub: the credentials cannot be used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Open(t.Context(), c.cfg)
			if err == nil {
				_ = b.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
