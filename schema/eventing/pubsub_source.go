package eventing

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// pubSubSource is a CloudPubSubSource as written.
type pubSubSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec          `json:",inline"`
		ServiceAccountName  string                    `json:"serviceAccountName,omitempty"`
		Secret              *corev1.SecretKeySelector `json:"secret,omitempty"`
		Project             string                    `json:"project,omitempty"`
		Topic               string                    `json:"topic"`
		AckDeadline         string                    `json:"ackDeadline,omitempty"`
		RetainAckedMessages bool                      `json:"retainAckedMessages,omitempty"`
		RetentionDuration   string                    `json:"retentionDuration,omitempty"`
	} `json:"spec"`
}

// The Secret that counts where neither one nor an account is named, as its kind
// has it; unlike there it need not exist.
const (
	googleSecret = "google-cloud-key"
	googleKey    = "key.json"
)

var (
	// googleProject is the id of a project, which may belong to a domain.
	googleProject = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	// googleName is the short name of a topic or subscription.
	googleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~%+-]{2,254}$`)
	// days is what Google's own documents write, and Go cannot read.
	days = regexp.MustCompile(`^\d{1,3}d$`)
)

func decodePubSubSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).pubSubSource)
}

func (c *check) pubSubSource(w *pubSubSource) desired.Nouns {
	e := c.emitter("CloudPubSubSource", contract.SourcePubSub, w.Spec.sourceSpec, w.Labels)
	e.ServiceAccount = w.Spec.ServiceAccountName
	p := contract.PubSubSource{Project: w.Spec.Project, Topic: w.Spec.Topic, RetainAcked: w.Spec.RetainAckedMessages}
	if p.Project != "" && !googleProject.MatchString(p.Project) {
		c.errorf("spec.project", "%q is no project: write its id, of 6 to 30 small letters, digits and hyphens", short(p.Project))
	}
	if c.required("spec.topic", p.Topic, "write the topic's short name") {
		c.googleName("spec.topic", p.Topic)
	}
	p.AckDeadline = c.between("spec.ackDeadline", w.Spec.AckDeadline, "10s", "10m")
	p.Retention = c.between("spec.retentionDuration", w.Spec.RetentionDuration, "10m", "7d")
	e.Env = c.googleSecret(w)
	if w.Spec.Secret != nil {
		e.SecretAt = c.place("spec.secret")
	}
	o := c.options(w.Annotations)
	if text, ok := o.take("subscription"); ok {
		c.googleName(o.path("subscription"), text)
		p.Subscription = text
		const why = "the subscription is yours: set it there"
		c.inert("spec.ackDeadline", w.Spec.AckDeadline != "", why)
		c.inert("spec.retentionDuration", w.Spec.RetentionDuration != "", why)
		c.inert("spec.retainAckedMessages", w.Spec.RetainAckedMessages, why)
	}
	if text, ok := o.take("endpoint"); ok {
		if host, port, ok := strings.Cut(text, ":"); !ok || host == "" || port == "" {
			c.errorf(o.path("endpoint"), "%q is no address: write HOST:PORT, of an emulator or as europe-west1-pubsub.googleapis.com:443", short(text))
		}
		p.Endpoint = text
	}
	o.done()
	e.PubSub = &p
	return desired.Nouns{Emitters: []desired.Emitter{e}}
}

func (c *check) googleName(path, name string) {
	switch {
	case strings.HasPrefix(name, "projects/"):
		c.errorf(path, "want the short name, after the last slash; the project has a field of its own")
	case !googleName.MatchString(name) || strings.HasPrefix(name, "goog"):
		c.errorf(path, "%q is no name at Pub/Sub: write a letter, then at least two letters, digits or one of - . _ ~ %% +; goog at the beginning is Google's", short(name))
	}
}

// between reads a duration that Pub/Sub bounds, in days too.
func (c *check) between(path, text, low, high string) contract.Duration {
	d, ok := googleDuration(text)
	least, _ := googleDuration(low)
	most, _ := googleDuration(high)
	if text != "" && (!ok || d < least || d > most) {
		c.errorf(path, "want %s to %s, got %q", low, high, short(text))
	}
	return d
}

func googleDuration(text string) (contract.Duration, bool) {
	if days.MatchString(text) {
		n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		return contract.Duration(time.Duration(n) * 24 * time.Hour), err == nil
	}
	return parseDuration(text)
}

// googleSecret is the credential: the Secret that is named, else that of the
// usual name if there is one, else the account's own.
func (c *check) googleSecret(w *pubSubSource) []corev1.EnvVar {
	if s := w.Spec.Secret; s != nil {
		c.required("spec.secret.name", s.Name, "write the Secret's name")
		c.required("spec.secret.key", s.Key, "write the key of its value")
		return []corev1.EnvVar{{Name: contract.EnvGoogleCredentials, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: s}}}
	}
	if w.Spec.ServiceAccountName != "" {
		return nil
	}
	optional := true
	usual := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: googleSecret}, Key: googleKey, Optional: &optional}
	return []corev1.EnvVar{{Name: contract.EnvGoogleCredentials, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: usual}}}
}
