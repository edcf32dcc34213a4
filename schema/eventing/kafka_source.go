package eventing

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// kafkaSource is a KafkaSource as written.
type kafkaSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec       `json:",inline"`
		Consumers        *int32    `json:"consumers,omitempty"`
		BootstrapServers []string  `json:"bootstrapServers"`
		Net              kafkaNet  `json:"net,omitempty"`
		Topics           []string  `json:"topics"`
		ConsumerGroup    string    `json:"consumerGroup,omitempty"`
		InitialOffset    string    `json:"initialOffset,omitempty"`
		Ordering         string    `json:"ordering,omitempty"`
		Delivery         *delivery `json:"delivery,omitempty"`
	} `json:"spec"`
}

type kafkaNet struct {
	SASL struct {
		Enable   bool      `json:"enable,omitempty"`
		User     secretRef `json:"user,omitempty"`
		Password secretRef `json:"password,omitempty"`
		Type     secretRef `json:"type,omitempty"`
	} `json:"sasl,omitempty"`
	TLS struct {
		Enable bool      `json:"enable,omitempty"`
		Cert   secretRef `json:"cert,omitempty"`
		Key    secretRef `json:"key,omitempty"`
		CACert secretRef `json:"caCert,omitempty"`
	} `json:"tls,omitempty"`
}

// secretRef is a value that stands in a Secret.
type secretRef struct {
	SecretKeyRef *corev1.SecretKeySelector `json:"secretKeyRef,omitempty"`
}

func decodeKafkaSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).kafkaSource)
}

func (c *check) kafkaSource(w *kafkaSource) desired.Nouns {
	e := c.emitter("KafkaSource", contract.SourceKafka, w.Spec.sourceSpec, w.Labels)
	s := &w.Spec
	k := contract.KafkaSource{Brokers: s.BootstrapServers, Topics: s.Topics, Group: s.ConsumerGroup, InitialOffset: s.InitialOffset, Ordered: s.Ordering != "unordered", TLS: s.Net.TLS.Enable, SASL: s.Net.SASL.Enable}
	if len(k.Brokers) == 0 {
		c.errorf("spec.bootstrapServers", "bootstrapServers is missing: write at least one HOST:PORT")
	}
	for i, b := range k.Brokers {
		if host, port, ok := strings.Cut(b, ":"); !ok || host == "" || port == "" {
			c.errorf(index("spec.bootstrapServers", i), "%q is no address: write HOST:PORT", short(b))
		}
	}
	if len(k.Topics) == 0 {
		c.errorf("spec.topics", "topics is missing: write at least one")
	}
	if k.Group == "" { // a name of its own, so that a source made anew goes on where it was
		k.Group = "sluice." + e.Namespace + "." + e.Name
	}
	c.oneOf("spec.initialOffset", s.InitialOffset, "earliest", "latest")
	c.oneOf("spec.ordering", s.Ordering, "ordered", "unordered")
	if e.Replicas = s.Consumers; e.Replicas != nil && *e.Replicas < 0 {
		c.errorf("spec.consumers", "want a number of consumers, 0 to pause, got %d", *e.Replicas)
	}
	o := c.options(w.Annotations)
	c.effort(o, s.Delivery, &e)
	e.Env = c.kafkaEnv(s.Net)
	o.done()
	e.Kafka = &k
	return desired.Nouns{Emitters: []desired.Emitter{e}}
}

// kafkaEnv is the secrets of a connection.
func (c *check) kafkaEnv(n kafkaNet) []corev1.EnvVar {
	var env []corev1.EnvVar
	const off = "it counts only with enable: true beside it"
	c.inert("spec.net.sasl", !n.SASL.Enable && anySecret(n.SASL.User, n.SASL.Password, n.SASL.Type), off)
	c.inert("spec.net.tls", !n.TLS.Enable && anySecret(n.TLS.CACert, n.TLS.Cert, n.TLS.Key), off)
	if n.SASL.Enable {
		env = c.secretEnv(env, contract.EnvKafkaUser, "spec.net.sasl.user", n.SASL.User, true)
		env = c.secretEnv(env, contract.EnvKafkaPassword, "spec.net.sasl.password", n.SASL.Password, true)
		env = c.secretEnv(env, contract.EnvKafkaSASL, "spec.net.sasl.type", n.SASL.Type, false)
	}
	if n.TLS.Enable {
		env = c.secretEnv(env, contract.EnvKafkaCA, "spec.net.tls.caCert", n.TLS.CACert, false)
		env = c.secretEnv(env, contract.EnvKafkaCert, "spec.net.tls.cert", n.TLS.Cert, false)
		env = c.secretEnv(env, contract.EnvKafkaKey, "spec.net.tls.key", n.TLS.Key, false)
	}
	return env
}

func anySecret(refs ...secretRef) bool {
	return slices.ContainsFunc(refs, func(r secretRef) bool { return r.SecretKeyRef != nil })
}

// secretEnv gives a container a Secret's value as environment.
func (c *check) secretEnv(env []corev1.EnvVar, name, path string, ref secretRef, required bool) []corev1.EnvVar {
	s := ref.SecretKeyRef
	if s == nil {
		if required {
			c.errorf(path, "secretKeyRef is missing: write the name and key of a Secret")
		}
		return env
	}
	if !c.required(path+".secretKeyRef.name", s.Name, "write the Secret's name") || !c.required(path+".secretKeyRef.key", s.Key, "write the key of its value") {
		return env
	}
	return append(env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: s}})
}
