package catalog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
		defaulted("tls", "false", "true: connect by TLS"),
		secret("caCert", "PEM that the brokers' certificates are signed by, beside the system's"),
		secret("clientCert", "PEM of our certificate, where the brokers ask for one"),
		secret("clientKey", "PEM of its key"),
		optional("saslMechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
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
			Brokers: s.list("brokers"), TLS: s.tls(),
			Mechanism: s.text("saslMechanism"), User: s.text("saslUser"), Password: s.text("saslPassword"), Log: log,
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

// tls reads the settings tls, caCert, clientCert and clientKey.
func (s *settings) tls() *tls.Config {
	if !s.yes("tls") {
		return nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca := s.text("caCert"); ca != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM([]byte(ca)) {
			s.wrong("caCert holds no certificate in PEM")
		}
		cfg.RootCAs = roots
	}
	if cert := s.text("clientCert"); cert != "" {
		pair, err := tls.X509KeyPair([]byte(cert), []byte(s.text("clientKey")))
		if err != nil {
			s.wrong("clientCert and clientKey are no pair in PEM")
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg
}

var rabbitmqDriver = Driver{
	Summary:  "RabbitMQ; a channel is a fanout exchange, a subscription a durable queue",
	Promises: rabbitmq.Promises,
	Settings: []Parameter{{Name: "url", Description: "amqp://user:password@host:5672/vhost; from a Secret, for the password", Secret: true}},
	Channel:  []Parameter{defaulted("queueType", "quorum", "quorum or classic: how subscriptions are kept")},
	open: func(_ context.Context, s *settings, log *slog.Logger) (bus.Driver, bus.Promises, error) {
		b, err := rabbitmq.Open(rabbitmq.Config{URL: s.text("url"), Log: log})
		if err != nil {
			return nil, bus.Promises{}, err
		}
		return b, rabbitmq.Promises, nil
	},
}
