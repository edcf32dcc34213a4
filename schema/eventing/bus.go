package eventing

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// bus is a Bus or ClusterBus of 2018 as written. Its two containers were the
// program; here they say which driver of ours it is, and what that is told.
type bus struct {
	object `json:",inline"`
	Spec   struct {
		Generation  int64             `json:"generation,omitempty"`
		Parameters  *busParameters    `json:"parameters,omitempty"`
		Provisioner *corev1.Container `json:"provisioner,omitempty"`
		Dispatcher  *corev1.Container `json:"dispatcher,omitempty"`
		Volumes     []corev1.Volume   `json:"volumes,omitempty"`
	} `json:"spec"`
}

type busParameters struct {
	Channel      []busParameter `json:"channel,omitempty"`
	Subscription []busParameter `json:"subscription,omitempty"`
}

type busParameter struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Default     *string `json:"default,omitempty"`
}

func decodeBus(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).bus)
}

func (c *check) bus(w *bus) desired.Nouns {
	o := c.options(w.Annotations)
	b := desired.Bus{Bus: contract.Bus{Ref: c.ref(), Parameters: map[string]string{}, Secrets: map[string]contract.SecretKey{}}}
	if p := w.Spec.Parameters; p != nil {
		b.ChannelParameters = c.parameters("spec.parameters.channel", p.Channel)
		b.SubscriptionParameters = c.parameters("spec.parameters.subscription", p.Subscription)
	}
	d, known := c.driver(w, o)
	if known {
		b.Driver = d.name
		c.settings(w, d, &b.Bus)
	}
	o.done()
	return desired.Nouns{Buses: []desired.Bus{b}}
}

// parameters checks what channels or subscriptions have to say.
func (c *check) parameters(path string, list []busParameter) []desired.Parameter {
	var out []desired.Parameter
	for i, p := range list {
		c.required(index(path, i)+".name", p.Name, "write the parameter's name")
		out = append(out, desired.Parameter{Name: p.Name, Default: p.Default})
	}
	return out
}
