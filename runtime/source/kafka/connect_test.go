package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

// TestRun_ByUserAndPassword reads from a broker that asks who is there, over TLS
// by a certificate that only the source's own CA knows; and does not begin with a
// wrong password.
func TestRun_ByUserAndPassword(t *testing.T) {
	pair, ca := certificate(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ca))
	for _, mechanism := range []string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run("mechanism "+mechanism, func(t *testing.T) {
			broker := []kfake.Opt{
				kfake.EnableSASL(), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}),
				kfake.Superuser("PLAIN", "till", "s3cret"), kfake.Superuser("SCRAM-SHA-256", "till", "s3cret"), kfake.Superuser("SCRAM-SHA-512", "till", "s3cret"),
			}
			b := newBenchOn(t, 1, broker, kgo.DialTLSConfig(&tls.Config{RootCAs: pool}), kgo.SASL(plain.Auth{User: "till", Pass: "s3cret"}.AsMechanism()))
			b.produce(0, 0, 3)
			secure := func(k *contract.KafkaSource) { k.TLS, k.SASL = true, true }
			b.startWith(source.SinkConfig{}, Secrets{User: "till", Password: "s3cret", Mechanism: mechanism, CA: ca}, earliest, secure)
			b.awaitCount(3)
			for _, wrong := range []Secrets{{User: "till", Password: "wrong", Mechanism: mechanism, CA: ca}, {User: "till", Password: "s3cret", Mechanism: mechanism}} {
				spec := contract.KafkaSource{Brokers: b.brokers, Topics: []string{topic}, Group: group, TLS: true, SASL: true}
				options, err := connection(spec, wrong)
				if err != nil {
					t.Fatal(err)
				}
				client, err := kgo.NewClient(append(options, kgo.RequestRetries(0), kgo.RetryTimeout(time.Second))...)
				if err != nil {
					t.Fatal(err)
				}
				if client.Ping(t.Context()) == nil {
					t.Errorf("the broker took a wrong password, or the source a certificate of nobody")
				}
				client.Close()
			}
		})
	}
}

// certificate is one of 127.0.0.1, by itself.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
