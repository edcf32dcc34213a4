package render

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// feedSources are the event sources of 2018 that one of ours stands for, by the
// name of the producing system.
var feedSources = map[string]func(events, desired.Feed, *desired.Emitter) bool{
	"github":                events.fromGitHub,
	"k8sevents":             events.fromKubernetes,
	"pubsub.googleapis.com": events.fromPubSub,
}

// feedTypes are the types that 2018's sources brought with them: a feed may
// name one though no spec describes it.
var feedTypes = map[string]string{
	"pullrequest": "github", "dev.knative.k8s.event": "k8sevents", "google.pubsub.topic.publish": "pubsub.googleapis.com",
}

// feed runs a source of ours for a Feed, or has its own source start it.
func (e events) feed(f desired.Feed) error {
	system, own, ok := e.system(f)
	if ok && own.Image != "" {
		return e.feedlet(f, own)
	}
	m := desired.Emitter{
		Source: contract.Source{Ref: contract.Ref{Namespace: f.Namespace, Name: f.Name}, Kind: e.u.Identity.Kind},
		Sink:   f.Sink, Refs: f.Refs, ServiceAccount: f.ServiceAccount,
	}
	if ok {
		ok = feedSources[system](e, f, &m)
	}
	if !ok {
		e.keep("apps/v1", "Deployment", f.Namespace, f.Name+contract.SourceSuffix)
		e.keepStarts()
		return nil
	}
	return e.emitter(m)
}

// system is who produces the events of a feed's type: a source of ours by its
// name, or one with an image of its own.
func (e events) system(f desired.Feed) (string, desired.FeedSource, bool) {
	none := desired.FeedSource{}
	t, s := e.u.Directory.feed(f)
	own := feedTypes[f.EventType.Name]
	switch {
	case t.print == "" && own != "":
		return own, none, true
	case t.print == "":
		e.unmet(f.EventType.Place, "no EventType or ClusterEventType %s is described%s: add it, or name one of pullrequest, dev.knative.k8s.event and google.pubsub.topic.publish", f.EventType.Name, e.u.Directory.near(f.EventType.Identity))
		return "", none, false
	case s.print == "" && own == "":
		e.unmet(f.EventType.Place, "%s, which its event type %s names, is described nowhere: add it", t.noun.Source.Identity, f.EventType.Name)
		return "", none, false
	}
	system := cmp.Or(s.noun.Source, s.noun.Name, own)
	_, ours := feedSources[system]
	switch {
	case ours && (s.noun.Image == "" || strings.Contains(s.noun.Image, ownImages)):
		return system, none, true
	case s.noun.Image == "":
		e.unmet(f.EventType.Place, "its events come from %q, whose %s names no image: write the one that starts and stops feeds, or name one of the sources github, k8sevents and pubsub.googleapis.com", system, t.noun.Source.Identity)
		return "", none, false
	}
	return system, s.noun, true
}

// gitHubRepository is what a feed observes.
var gitHubRepository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?$`)

func (e events) fromGitHub(f desired.Feed, m *desired.Emitter) bool {
	if !gitHubRepository.MatchString(f.Resource) {
		e.unmet(at(f, "resource"), "%q is no repository: write owner/repo", f.Resource)
		return false
	}
	event := map[string]string{"pullrequest": "pull_request"}[f.EventType.Name]
	m.Type, m.GitHub = contract.SourceGitHub, &contract.GitHubSource{
		Repository: f.Resource, Events: []string{cmp.Or(event, f.EventType.Name)}, EventType: f.EventType.Name,
	}
	return e.credentials(f, m, contract.EnvGitHubCredentials, true)
}

func (e events) fromKubernetes(f desired.Feed, m *desired.Emitter) bool {
	k := &contract.KubernetesSource{Mode: contract.ModeEvents, Resources: []contract.KubernetesResource{{APIVersion: "v1", Kind: "Event"}}}
	if ns := parameter(f, "namespace"); ns != "" && ns != f.Namespace {
		k.Namespaces = []string{ns}
	}
	m.Type, m.Kubernetes = contract.SourceKubernetes, k
	return true
}

func (e events) fromPubSub(f desired.Feed, m *desired.Emitter) bool {
	parts := strings.Split(f.Resource, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "topics" || parts[1] == "" || parts[3] == "" {
		e.unmet(at(f, "resource"), "%q is no topic: write projects/PROJECT/topics/TOPIC", f.Resource)
		return false
	}
	m.Type, m.PubSub = contract.SourcePubSub, &contract.PubSubSource{
		Project: parts[1], Topic: parts[3], EventType: f.EventType.Name,
		Subscription: parameter(f, "subscription"), Endpoint: parameter(f, "endpoint"),
	}
	return e.credentials(f, m, contract.EnvGoogleCredentials, false)
}

// credentials hands the one Secret of parametersFrom on. What is in it is for
// the source to read: the engine never does.
func (e events) credentials(f desired.Feed, m *desired.Emitter, env string, required bool) bool {
	switch {
	case len(f.ParametersFrom) > 1:
		e.unmet(at(f, "parametersFrom[1]"), "one Secret is read: put all parameters into its JSON object")
		return false
	case len(f.ParametersFrom) == 1:
		m.Env = append(m.Env, corev1.EnvVar{Name: env, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &f.ParametersFrom[0]}})
	case required:
		e.unmet(f.At, "parametersFrom is missing: name a Secret whose value is a JSON object with the secretToken that signs events (and the accessToken, if the hook is to be registered)")
		return false
	}
	return true
}

// parameter is one that stands in the spec itself.
func parameter(f desired.Feed, name string) string {
	var values map[string]any
	_ = json.Unmarshal(f.Parameters, &values) // it was read before, strictly
	text, _ := values[name].(string)
	return text
}

// at is a field of a feed's trigger.
func at(f desired.Feed, field string) desired.Place {
	p := f.At
	p.Path += "." + field
	return p
}
