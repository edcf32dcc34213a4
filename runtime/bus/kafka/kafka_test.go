package kafka

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/bustest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kgo.(*Client).reapConnectionsLoop"))
}

func opener(brokers ...string) func(t *testing.T) bus.Driver {
	return func(t *testing.T) bus.Driver {
		t.Helper()
		b, err := Open(t.Context(), Config{Brokers: brokers, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func fake(t *testing.T) bustest.Store {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return bustest.Store{Open: opener(c.ListenAddrs()...), Quiet: 300 * time.Millisecond}
}

func TestKafka_KeepsItsPromises(t *testing.T) { bustest.Run(t, Promises, fake) }

// TestKafka_Real sits the exam on a broker of Apache Kafka; make buses starts one.
func TestKafka_Real(t *testing.T) {
	brokers := os.Getenv("SLUICE_KAFKA")
	if brokers == "" {
		t.Skip("SLUICE_KAFKA names no broker; make buses starts one")
	}
	bustest.Run(t, Promises, func(t *testing.T) bustest.Store {
		return bustest.Store{Open: opener(strings.Split(brokers, ",")...), Quiet: time.Second}
	})
}
