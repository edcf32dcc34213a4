package eventing

import (
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// busDriver is a driver as a Bus knows it.
type busDriver struct {
	name string
	// settings are its parameters, by the environment of the dispatcher that
	// gives them; the first is required.
	settings []setting
}

// setting is a driver's parameter and the environment that gives it.
type setting struct {
	env, parameter string
	required       bool
	// file says that the value is a file's path, and the parameter its content.
	file bool
	// secret is never written in plain.
	secret bool
	// values are those that it may have, if not all may be.
	values []string
	// with is the environment without which this one is of no use.
	with string
}

// drivers by the names that a Bus may have; `stub` is 2018's word for memory.
var drivers = map[string]busDriver{
	"stub":                   {name: contract.DriverMemory},
	"memory":                 {name: contract.DriverMemory},
	contract.DriverJetStream: {name: contract.DriverJetStream, settings: []setting{{env: "JETSTREAM_SYNC", parameter: "sync"}}},
	contract.DriverKafka: {name: contract.DriverKafka, settings: []setting{
		{env: "KAFKA_BROKERS", parameter: "brokers", required: true},
		{env: "KAFKA_USER", parameter: "saslUser", with: "KAFKA_PASSWORD"},
		{env: "KAFKA_PASSWORD", parameter: "saslPassword", secret: true, with: "KAFKA_USER"},
		{env: "KAFKA_SASL", parameter: "saslMechanism", values: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, with: "KAFKA_USER"},
		{env: "KAFKA_TLS", parameter: "tls", values: []string{"true", "false"}},
		{env: "KAFKA_CA", parameter: "caCert", with: "KAFKA_TLS"},
		{env: "KAFKA_CERT", parameter: "clientCert", with: "KAFKA_KEY"}, {env: "KAFKA_KEY", parameter: "clientKey", secret: true, with: "KAFKA_CERT"},
	}},
	contract.DriverPubSub: {name: contract.DriverPubSub, settings: []setting{
		{env: "GOOGLE_CLOUD_PROJECT", parameter: "project", required: true},
		{env: "GOOGLE_APPLICATION_CREDENTIALS", parameter: "credentials", file: true},
		{env: "PUBSUB_EMULATOR_HOST", parameter: "endpoint"},
	}},
	contract.DriverRabbitMQ: {name: contract.DriverRabbitMQ, settings: []setting{
		{env: "RABBITMQ_URL", parameter: "url", required: true}, {env: "RABBITMQ_CA", parameter: "caCert"},
		{env: "RABBITMQ_CERT", parameter: "clientCert", with: "RABBITMQ_KEY"},
		{env: "RABBITMQ_KEY", parameter: "clientKey", secret: true, with: "RABBITMQ_CERT"},
	}},
	contract.DriverNATS: {name: contract.DriverNATS, settings: []setting{
		{env: "NATS_URL", parameter: "url", required: true},
		{env: "NATS_CREDENTIALS", parameter: "credentials", secret: true}, {env: "NATS_TOKEN", parameter: "token", secret: true},
		{env: "NATS_USER", parameter: "user", with: "NATS_PASSWORD"}, {env: "NATS_PASSWORD", parameter: "password", secret: true, with: "NATS_USER"},
		{env: "NATS_CA", parameter: "caCert"},
		{env: "NATS_CERT", parameter: "clientCert", with: "NATS_KEY"}, {env: "NATS_KEY", parameter: "clientKey", secret: true, with: "NATS_CERT"},
	}},
}

// driver finds out which of ours a bus is: by the annotation, by the image of
// 2018, or by the bus's own name.
func (c *check) driver(w *bus, o options) (busDriver, bool) {
	names := slices.Sorted(maps.Keys(drivers))
	if name, written := o.take("driver"); written {
		c.oneOf(o.path("driver"), name, names...)
		d, known := drivers[name]
		return d, known
	}
	if w.Spec.Dispatcher != nil {
		for part := range strings.SplitSeq(w.Spec.Dispatcher.Image, "/") {
			part, _, _ = strings.Cut(part, ":")
			if d, known := drivers[part]; known {
				return d, true
			}
		}
	}
	if d, known := drivers[w.Name]; known {
		return d, true
	}
	hint := ""
	if near, ok := schema.Nearest(w.Name, names); ok {
		hint = " (did you mean " + near + "?)"
	}
	c.errorf("metadata.name", "which bus this is cannot be told from its name%s: write the annotation %sdriver with one of %s", hint, optionPrefix, strings.Join(names, ", "))
	return busDriver{}, false
}

// settings reads the dispatcher's environment as the driver's parameters.
func (c *check) settings(w *bus, d busDriver, b *contract.Bus) {
	const at = "spec.dispatcher"
	if p := w.Spec.Provisioner; p != nil {
		c.inert("spec.provisioner", len(p.Env) > 0, "one program does the work of both: give its settings to spec.dispatcher")
	}
	given := map[string]bool{}
	if w.Spec.Dispatcher != nil {
		for i, env := range w.Spec.Dispatcher.Env {
			path := index(at+".env", i)
			s, known := d.setting(env.Name)
			if !known {
				c.unknownSetting(path, env.Name, d)
				continue
			}
			given[env.Name] = true
			c.setting(path, env, s, w, b)
		}
	}
	if w.Spec.Dispatcher != nil {
		c.together(at+".env", w.Spec.Dispatcher.Env, given, d)
	}
	for _, s := range d.settings {
		if s.required && !given[s.env] {
			c.errorf(at, "the %s bus needs its %s: write them as the environment variable %s of spec.dispatcher", d.name, s.parameter, s.env)
		}
	}
}

// together finds settings that are of no use without another.
func (c *check) together(path string, env []corev1.EnvVar, given map[string]bool, d busDriver) {
	for i, e := range env {
		if s, known := d.setting(e.Name); known && s.with != "" && !given[s.with] {
			c.errorf(index(path, i), "%s is of no use without %s: write that too", e.Name, s.with)
		}
	}
}

func (d busDriver) setting(env string) (setting, bool) {
	for _, s := range d.settings {
		if s.env == env {
			return s, true
		}
	}
	return setting{}, false
}

func (c *check) unknownSetting(path, env string, d busDriver) {
	var names []string
	for _, s := range d.settings {
		names = append(names, s.env)
	}
	hint := ""
	if near, ok := schema.Nearest(env, names); ok {
		hint = ": did you mean " + near + "?"
	}
	c.warnf(path, "is accepted but not acted on: %s is no setting of the %s bus%s", env, d.name, hint)
}

// setting reads one: a value in plain text, in a Secret, or in a file of a
// mounted Secret.
func (c *check) setting(path string, env corev1.EnvVar, s setting, w *bus, b *contract.Bus) {
	from := env.ValueFrom
	switch {
	case from == nil && s.file:
		if key, ok := mountedSecret(w, env.Value); ok {
			b.Secrets[s.parameter] = contract.SecretKey{Namespace: secretNamespace(b.Ref), Name: key.Name, Key: key.Key}
			return
		}
		c.errorf(path+".value", "no volume of a Secret is mounted where %s is: add volumes and volumeMounts", short(env.Value))
	case from == nil && s.secret:
		c.errorf(path+".value", "a secret in Git is everybody's: put it into a Secret, write valueFrom.secretKeyRef, and change it")
	case from == nil && hasPassword(env.Value):
		c.errorf(path+".value", "a URL in Git holds no password: put the whole URL into a Secret, write valueFrom.secretKeyRef, and change the password")
	case from == nil:
		c.required(path+".value", env.Value, "write it, or valueFrom.secretKeyRef")
		if env.Value != "" && s.values != nil {
			c.oneOf(path+".value", env.Value, s.values...)
		}
		b.Parameters[s.parameter] = env.Value
	case from.SecretKeyRef != nil:
		b.Secrets[s.parameter] = contract.SecretKey{Namespace: secretNamespace(b.Ref), Name: from.SecretKeyRef.Name, Key: from.SecretKeyRef.Key}
	default:
		c.errorf(path+".valueFrom", "is read from a Secret alone: write value, or valueFrom.secretKeyRef")
	}
}

// hasPassword reports whether one of several URLs, or what is meant to be one,
// says who is there.
func hasPassword(urls string) bool {
	for u := range strings.SplitSeq(urls, ",") {
		_, rest, ok := strings.Cut(u, "://")
		authority, _, _ := strings.Cut(rest, "/")
		if ok && strings.Contains(authority, "@") {
			return true
		}
	}
	return false
}

// secretNamespace is where a bus's secrets are.
func secretNamespace(bus contract.Ref) string {
	if bus.Namespace == "" {
		return contract.Namespace
	}
	return bus.Namespace
}

// mountedSecret finds the Secret that a file's path leads to.
func mountedSecret(w *bus, file string) (corev1.SecretKeySelector, bool) {
	for _, m := range w.Spec.Dispatcher.VolumeMounts {
		if path.Dir(file) != path.Clean(m.MountPath) {
			continue
		}
		for _, v := range w.Spec.Volumes {
			if v.Name == m.Name && v.Secret != nil {
				return corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: v.Secret.SecretName}, Key: path.Base(file)}, true
			}
		}
	}
	return corev1.SecretKeySelector{}, false
}
