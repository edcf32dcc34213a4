package kafka

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/sluice-dev/sluice/runtime/bus/bustest"
	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/schema/contract"
)

// TestRun_ByUserAndPassword reads from a broker that asks who is there, over TLS
// by a certificate that only the source's own CA knows; and does not begin with a
// wrong password.
func TestRun_ByUserAndPassword(t *testing.T) {
	pair, ca := bustest.Certificate(t)
	for _, mechanism := range []string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run("mechanism "+mechanism, func(t *testing.T) {
			broker := []kfake.Opt{
				kfake.EnableSASL(), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}),
				kfake.Superuser("PLAIN", "till", "s3cret"), kfake.Superuser("SCRAM-SHA-256", "till", "s3cret"), kfake.Superuser("SCRAM-SHA-512", "till", "s3cret"),
			}
			b := newBenchOn(t, 1, broker, kgo.DialTLSConfig(bustest.Believing(t, ca)), kgo.SASL(plain.Auth{User: "till", Pass: "s3cret"}.AsMechanism()))
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
