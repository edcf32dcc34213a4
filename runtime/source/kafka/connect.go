package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Secrets are the values of the environment that contract.KafkaSource names.
type Secrets struct {
	User, Password string
	// Mechanism is PLAIN (default), SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism string
	// CA, Cert and Key are PEM. Without a CA the system's are trusted.
	CA, Cert, Key string
}

// connection is how to reach the brokers.
func connection(k contract.KafkaSource, secrets Secrets) ([]kgo.Opt, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(k.Brokers...), kgo.ClientID("sluice"), kgo.DialTimeout(5 * time.Second), kgo.MetadataMinAge(100 * time.Millisecond),
	}
	if k.TLS {
		cfg, err := secrets.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(cfg))
	}
	if k.SASL {
		m, err := secrets.sasl()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.SASL(m))
	}
	return options, nil
}

// tls never puts what it was given into an error.
func (s Secrets) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM([]byte(s.CA)) {
			return nil, errors.New(contract.EnvKafkaCA + " has no certificate: write PEM")
		}
	}
	if s.Cert != "" || s.Key != "" {
		pair, err := tls.X509KeyPair([]byte(s.Cert), []byte(s.Key))
		if err != nil {
			return nil, fmt.Errorf("%s and %s are no pair: write PEM of a certificate and its key", contract.EnvKafkaCert, contract.EnvKafkaKey)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func (s Secrets) sasl() (sasl.Mechanism, error) {
	if s.User == "" || s.Password == "" {
		return nil, fmt.Errorf("SASL takes a user and a password: set %s and %s", contract.EnvKafkaUser, contract.EnvKafkaPassword)
	}
	switch s.Mechanism {
	case "", "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, errors.New(contract.EnvKafkaSASL + " is unknown: write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
}
