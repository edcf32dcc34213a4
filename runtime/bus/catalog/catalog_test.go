package catalog

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/schema/contract"
)

// notDrivers are folders of runtime/bus that are none.
var notDrivers = map[string]bool{"bustest": true, "catalog": true}

// folderOf says where a driver that is called otherwise lives.
var folderOf = map[string]string{"stub": "memory", "nats": "jetstream", "gcppubsub": "pubsub"}

func TestDrivers_EveryFolderIsInTheCatalog(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for name := range Drivers() {
		if folder := folderOf[name]; folder != "" {
			name = folder
		}
		known[name] = true
	}
	for _, e := range entries {
		if e.IsDir() && !notDrivers[e.Name()] && !known[e.Name()] {
			t.Errorf("runtime/bus/%s has no line in Drivers", e.Name())
		}
	}
}

func TestDrivers_SayWhatTheyAre(t *testing.T) {
	for name, d := range Drivers() {
		if d.Summary == "" || d.open == nil || d.Promises == (bus.Promises{}) {
			t.Errorf("%s: %+v", name, d)
		}
		for _, p := range append(append(append([]Parameter{}, d.Settings...), d.Channel...), d.Subscription...) {
			if p.Description == "" {
				t.Errorf("%s: parameter %s does not say what it is", name, p.Name)
			}
		}
	}
}

func TestOpen_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, driver string
		values       map[string]string
		want         string
	}{
		{"unknown driver", "carrier-pigeon", nil, `bus driver "carrier-pigeon" is unknown; there are `},
		{"missing", "nats", nil, "bus nats: parameter url is required: nats://host:4222"},
		{"unknown setting", "memory", map[string]string{"size": "1"}, "bus memory: parameter size is unknown; it takes maxBytes"},
		{"missing project", "gcppubsub", map[string]string{"endpoint": "localhost:8085"}, "bus gcppubsub: parameter project is required: "},
		{"no number", "stub", map[string]string{"maxBytes": "lots"}, `bus stub: maxBytes: "lots" is no number`},
		{"no CA", "kafka", map[string]string{"brokers": "h:1", "tls": "true", "caCert": "sesame"}, "bus kafka: caCert holds no certificate in PEM"},
		{"no pair", "nats", map[string]string{"url": "nats://h:1", "clientKey": "sesame"}, "bus nats: clientCert and clientKey are no pair in PEM"},
		{"no CA of a broker", "rabbitmq", map[string]string{"url": "amqps://h:1", "caCert": "sesame"}, "bus rabbitmq: caCert holds no certificate in PEM"},
		{"no duration", "jetstream", map[string]string{"dir": t.TempDir(), "sync": "often"}, `bus jetstream: sync: "often" is no duration; write it as 1m30s`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Open(t.Context(), c.driver, c.values, slog.New(slog.DiscardHandler))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestOpen_OpensWhatNeedsNothing(t *testing.T) {
	for driver, values := range map[string]map[string]string{
		"stub":      {},
		"jetstream": {"dir": t.TempDir(), "sync": "always"},
	} {
		d, promises, err := Open(t.Context(), driver, values, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if !promises.Ordered {
			t.Errorf("%s promises %+v", driver, promises)
		}
		if err := d.EnsureTopic(t.Context(), bus.TopicSpec{Name: "shop.orders"}); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What the engine lets channels say is what the drivers know.
func TestDrivers_ChannelArgumentsAreThoseOfTheContract(t *testing.T) {
	for name, d := range Drivers() {
		if name == "stub" {
			name = contract.DriverMemory
		}
		if got, want := names(d.Channel), contract.ChannelArguments[name]; !slices.Equal(got, want) {
			t.Errorf("%s: channels take %q, the engine lets through %q", name, got, want)
		}
	}
}
