package catalog

import (
	"context"
	"log/slog"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/jetstream"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
)

var memoryDriver = Driver{
	Summary:  "in the memory of the dispatcher; forgets everything when it ends",
	Promises: memory.Promises,
	Settings: []Parameter{defaulted("maxBytes", "268435456", "bytes of all events held; more are refused")},
	Channel:  []Parameter{defaulted("maxMessages", "10000", "delivered events kept for replay")},
	open: func(_ context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		return memory.New(memory.Config{MaxBytes: s.number("maxBytes"), Log: log}), memory.Promises, nil
	},
}

var natsChannel = []Parameter{
	defaulted("maxBytes", "1073741824", "bytes that a channel holds; events not yet delivered are never let go, more are refused"),
	defaulted("replicas", "1", "servers of a cluster that keep each event"),
}

var jetstreamDriver = Driver{
	Summary:  "NATS JetStream inside the dispatcher, on its disk; the default",
	Promises: jetstream.Promises,
	Settings: []Parameter{
		defaulted("dir", "/var/lib/sluice/jetstream", "where the events are kept"),
		defaulted("sync", "1s", "how often files are flushed to the disk, or always: before each answer"),
	},
	Channel: natsChannel[:1],
	open: func(_ context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		cfg := jetstream.Config{Dir: s.text("dir"), Log: log}
		if s.text("sync") == "always" {
			cfg.Sync = jetstream.SyncAlways
		} else {
			cfg.Sync = s.duration("sync")
		}
		return openJetStream(s, cfg)
	},
}

var natsDriver = Driver{
	Summary:  "NATS JetStream on servers of your own",
	Promises: jetstream.Promises,
	Settings: []Parameter{
		required("url", "nats://host:4222, several with commas; tls://host:4222 for TLS"),
		secret("credentials", "the content of a .creds file"),
		secret("token", "a token"),
		optional("user", "who we are"),
		secret("password", "and how we prove it"),
		caCert, clientCert, clientKey,
	},
	Channel: natsChannel,
	open: func(_ context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		return openJetStream(s, jetstream.Config{
			URL: s.text("url"), TLS: s.tls(), Credentials: s.text("credentials"), Token: s.text("token"), User: s.text("user"), Password: s.text("password"), Log: log,
		})
	},
}

func openJetStream(s *settings, cfg jetstream.Config) (bus.Driver, bus.Promises, error) {
	if s.err != nil {
		return nil, bus.Promises{}, s.err
	}
	b, err := jetstream.Open(cfg)
	if err != nil {
		return nil, bus.Promises{}, err
	}
	return b, b.Promises(), nil
}
