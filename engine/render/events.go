package render

import (
	"cmp"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Unmet is something that the unit needs of another spec and that is not as it
// needs it.
type Unmet struct {
	Place    desired.Place
	Text     string
	Severity schema.Severity
}

// events renders the nouns of events. What refers to a spec that is not there,
// or cannot be read, stays in the cluster as it is: its events are not lost.
type events struct {
	*Result
	u Unit
	c Config
}

func renderEvents(res *Result, u Unit, c Config) error {
	if !u.Nouns.Events() {
		return nil
	}
	if u.Directory == nil {
		u.Directory = &Directory{}
	}
	c.Image = cmp.Or(c.Image, "sluice")
	e := events{res, u, c}
	for _, b := range u.Nouns.Buses {
		if err := e.configMap(contract.EventsBus, cmp.Or(b.Namespace, contract.Namespace), contract.BusObject(b.Name), b.Bus); err != nil {
			return err
		}
		if err := e.dispatcher(b); err != nil {
			return err
		}
	}
	for _, ch := range u.Nouns.Channels {
		if err := e.channel(ch); err != nil {
			return err
		}
	}
	for _, s := range u.Nouns.Subscriptions {
		if err := e.subscription(s); err != nil {
			return err
		}
	}
	for _, m := range u.Nouns.Emitters {
		if err := e.emitter(m); err != nil {
			return err
		}
	}
	for _, f := range u.Nouns.Feeds {
		if err := e.feed(f); err != nil {
			return err
		}
	}
	for _, t := range u.Nouns.FeedTypes {
		e.needs(t.Source)
	}
	for _, b := range u.Nouns.Bindings {
		e.needs(b.Refs...)
		e.subject(b)
	}
	return nil
}

func (e events) unmet(at desired.Place, format string, args ...any) {
	e.Unmet = append(e.Unmet, Unmet{Place: at, Text: fmt.Sprintf(format, args...)})
}

// needs reports whether all references are satisfied, and says which is not.
// A Service that no spec describes may be anybody's: that is a warning.
func (e events) needs(refs ...desired.Reference) bool {
	ok := true
	for _, r := range refs {
		switch e.u.Directory.find(r.Identity) {
		case present:
		case unreadable:
			e.unmet(r.Place, "%s has errors in its own document; this stays as it was until they are mended", r.Identity)
			ok = false
		case missing:
			text := fmt.Sprintf("%s is described nowhere%s: add it, or name another", r.Identity, e.u.Directory.near(r.Identity))
			if r.Group == "" && r.Kind == "Service" {
				text = fmt.Sprintf("no Service %s is described in namespace %s%s: unless the cluster has one of its own, its events cannot be delivered", r.Name, r.Namespace, e.u.Directory.near(r.Identity))
				e.Unmet = append(e.Unmet, Unmet{r.Place, text, schema.Warning})
				continue
			}
			e.unmet(r.Place, "%s", text)
			ok = false
		}
	}
	return ok
}

// keep leaves an object as it is.
func (e events) keep(apiVersion, kind, namespace, name string) {
	e.Keep = append(e.Keep, manifest.ID{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name})
}

// configMap is how the dispatcher learns of something.
func (e events) configMap(what, namespace, name string, spec any) error {
	b, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return add(e.Result, e.u, e.c)(typed("v1", "ConfigMap", &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{contract.LabelEvents: what}},
		Data:       map[string]string{contract.KeyEvents: string(b)},
	}), nil)
}

// externalName is a name inside the cluster that points somewhere else.
func (e events) externalName(namespace, name, to string) error {
	return add(e.Result, e.u, e.c)(typed("v1", "Service", &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: to},
	}), nil)
}
