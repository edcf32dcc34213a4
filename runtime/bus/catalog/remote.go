package catalog

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/kafka"
	"github.com/sluice-dev/sluice/runtime/bus/rabbitmq"
)

var kafkaDriver = Driver{
	Summary:  "Apache Kafka; a channel is a topic, a subscription a consumer group",
	Promises: kafka.Promises,
	Settings: []Parameter{
		required("brokers", "host:9092, several with commas"),
		defaulted("tls", "false", "true: connect by TLS"), caCert, clientCert, clientKey,
		defaulted("saslMechanism", kafka.Plain, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; where there is a user"),
		secret("saslUser", "who we are"),
		secret("saslPassword", "and how we prove it"),
	},
	// NumPartitions and initialOffset are 2018's names.
	Channel: []Parameter{
		defaulted("NumPartitions", "1", "partitions of the topic; only more can be made of it"),
		optional("replicationFactor", "brokers that keep each event; the cluster's default where it is not given"),
	},
	Subscription: []Parameter{defaulted("initialOffset", "Newest", "Oldest or Newest: where a new subscription begins")},
	open: func(ctx context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		cfg := kafka.Config{
			Brokers:   s.list("brokers"),
			Mechanism: s.text("saslMechanism"), User: s.text("saslUser"), Password: s.text("saslPassword"), Log: log,
		}
		if s.yes("tls") {
			cfg.TLS = cmp.Or(s.tls(), &tls.Config{MinVersion: tls.VersionTLS12})
		}
		if s.err != nil {
			return nil, bus.Promises{}, s.err
		}
		b, err := kafka.Open(ctx, cfg)
		if err != nil {
			return nil, bus.Promises{}, err
		}
		return b, kafka.Promises, nil
	},
}

var rabbitmqDriver = Driver{
	Summary:  "RabbitMQ; a channel is a fanout exchange, a subscription a durable queue",
	Promises: rabbitmq.Promises,
	Settings: []Parameter{
		{Name: "url", Description: "amqp://user:password@host:5672/vhost, amqps for TLS; from a Secret, for the password", Secret: true},
		caCert, clientCert, clientKey,
	},
	Channel: []Parameter{defaulted("queueType", "quorum", "quorum or classic: how subscriptions are kept")},
	open: func(_ context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		cfg := rabbitmq.Config{URL: s.text("url"), TLS: s.tls(), Log: log}
		if s.err != nil {
			return nil, bus.Promises{}, s.err
		}
		b, err := rabbitmq.Open(cfg)
		if err != nil {
			return nil, bus.Promises{}, err
		}
		return b, rabbitmq.Promises, nil
	},
}
