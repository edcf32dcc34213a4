package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/schema/contract"
)

var ref = contract.Ref{Namespace: "shop", Name: "orders"}

func headers(pairs ...string) (all []kgo.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

func TestEvent(t *testing.T) {
	const common = `"source":"/apis/v1/namespaces/shop/kafkasources/orders#o","type":"dev.knative.kafka.event","subject":"partition:3#7","time":"2026-03-01T10:00:00Z"`
	const first = `{"specversion":"1.0","id":"partition:3/offset:7",` + common
	for _, c := range []struct {
		name   string
		record kgo.Record
		want   string
	}{
		{
			"plain", kgo.Record{Key: []byte("k1"), Value: []byte(`{"a":1}`), Headers: headers("Content-Type", "application/json", "Trace-Id", "x")},
			first + `,"datacontenttype":"application/json","kafkaheadertraceid":"x","key":"k1","partitionkey":"k1","data":{"a":1}}`,
		},
		{"binary key, no value", kgo.Record{Key: []byte{0, 255}}, first + `,"key":"AP8=","partitionkey":"AP8="}`},
		{"nothing at all", kgo.Record{}, first + `}`},
		{
			"an event in binary mode",
			kgo.Record{Key: []byte("k"), Value: []byte("hi"), Headers: headers("ce_specversion", "1.0", "ce_id", "9", "ce_source", "/s", "ce_type", "t", "ce_team", "blå", "content-type", "text/plain")},
			`{"specversion":"1.0","id":"9","source":"/s","type":"t","datacontenttype":"text/plain","team":"blå","data":"hi"}`,
		},
		{
			"an event in structured mode",
			kgo.Record{Value: []byte(`{"specversion":"1.0","id":"9","source":"/s","type":"t","data":{"a":1}}`), Headers: headers("content-type", "application/cloudevents+json; charset=UTF-8")},
			`{"specversion":"1.0","id":"9","source":"/s","type":"t","data":{"a":1}}`,
		},
		{
			"an event that is broken is a record",
			kgo.Record{Value: []byte("hi"), Headers: headers("ce_specversion", "1.0", "ce_id", "9", "content-type", "text/plain")},
			first + `,"datacontenttype":"text/plain","kafkaheaderceid":"9","kafkaheadercespecversion":"1.0","data":"hi"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.record.Topic, c.record.Partition, c.record.Offset = "o", 3, 7
			c.record.Timestamp = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
			e := event(ref, &c.record)
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := string(e.AppendJSON(nil)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNew_SaysWhatIsWrong(t *testing.T) {
	const hidden = "hunter2"
	for _, c := range []struct {
		spec    contract.KafkaSource
		secrets Secrets
		want    string
	}{
		{contract.KafkaSource{}, Secrets{}, "kafka: the source has to say brokers"},
		{contract.KafkaSource{SASL: true}, Secrets{}, "shop/orders: SASL takes a user and a password: set KAFKA_NET_SASL_USER"},
		{contract.KafkaSource{SASL: true}, Secrets{User: "u", Password: hidden, Mechanism: hidden}, "shop/orders: KAFKA_NET_SASL_TYPE is unknown: write PLAIN"},
		{contract.KafkaSource{TLS: true}, Secrets{CA: hidden}, "shop/orders: KAFKA_NET_TLS_CA_CERT has no certificate"},
		{contract.KafkaSource{TLS: true}, Secrets{Cert: hidden, Key: hidden}, "shop/orders: KAFKA_NET_TLS_CERT and KAFKA_NET_TLS_KEY are no pair"},
	} {
		if c.spec.SASL || c.spec.TLS {
			c.spec.Brokers, c.spec.Topics, c.spec.Group = []string{"kafka:9092"}, []string{"o"}, "g"
		}
		_, err := New(Config{Source: contract.Source{Ref: ref, Kafka: &c.spec}, Secrets: c.secrets})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), hidden) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
