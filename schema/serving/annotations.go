package serving

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// annotation is one that Knative gave a meaning to.
type annotation struct {
	// key is the spelling that counts; also are older ones of the same meaning.
	key  string
	also []string
	// check says what a value has to be, "" if it is fine.
	check func(value string) string
	// inert says why the annotation is accepted but not acted on.
	inert string
}

const (
	autoscaling = "autoscaling.knative.dev/"
	features    = "features.knative.dev/"
	sidecarKeys = "queue.sidecar.serving.knative.dev/"
)

// ofTemplate are the annotations of a revision.
var ofTemplate = []annotation{
	{key: autoscaling + "class", check: class},
	{key: autoscaling + "metric", check: filled},
	{key: autoscaling + "target", check: number(0.01, 0)},
	{key: autoscaling + "target-utilization-percentage", also: camel("targetUtilizationPercentage"), check: number(1, 100)},
	{key: autoscaling + "min-scale", also: camel("minScale"), check: count0},
	{key: autoscaling + "max-scale", also: camel("maxScale"), check: count0},
	{key: autoscaling + "initial-scale", also: camel("initialScale"), check: count0},
	{key: autoscaling + "activation-scale", also: camel("activationScale"), check: atLeast2},
	{key: autoscaling + "scale-down-delay", also: camel("scaleDownDelay"), check: seconds(0, 3600)},
	{key: autoscaling + "window", check: seconds(6, 3600)},
	{key: autoscaling + "panic-window-percentage", also: camel("panicWindowPercentage"), check: number(1, 100)},
	{key: autoscaling + "panic-threshold-percentage", also: camel("panicThresholdPercentage"), check: number(110, 1000)},
	{key: autoscaling + "target-burst-capacity", also: camel("targetBurstCapacity"), check: burst,
		inert: "every request is queued centrally here, so there is no burst to set capacity aside for"},
	{key: autoscaling + "scale-to-zero-pod-retention-period", also: camel("scaleToZeroPodRetentionPeriod"), check: duration(3600)},
	{key: autoscaling + "metric-aggregation-algorithm", also: camel("metricAggregationAlgorithm"), check: algorithm},
	{key: "serving.knative.dev/progress-deadline", also: []string{"serving.knative.dev/progressDeadline"}, check: seconds(1, 24*3600)},
	{key: "serving.knative.dev/no-gc", check: boolean},
	{key: features + "http-full-duplex", inert: "requests and answers always stream both ways at once here"},
	{key: features + "queueproxy-podinfo", inert: noSidecar},
}

// ofRoute are the annotations of a Service or Route itself.
var ofRoute = []annotation{
	{key: rolloutDuration, also: olderRolloutDuration, check: seconds(0, 0)},
	{key: contract.AnnotationRamp, check: ramp},
	{key: contract.AnnotationPreviewPercent, check: percentage},
	{key: "networking.knative.dev/ingress-class", also: []string{"networking.knative.dev/ingress.class"}, inert: "there is one ingress, which the installation chooses"},
	{key: "networking.knative.dev/certificate-class", also: []string{"networking.knative.dev/certificate.class"}, inert: byIngress},
	{key: httpProtocolKey, also: olderHTTPProtocol, check: httpProtocol},
	{key: "networking.knative.dev/disable-external-domain-tls", also: []string{"networking.knative.dev/disableAutoTLS", "networking.knative.dev/disable-auto-tls"}, check: boolean, inert: byIngress},
	{key: "serving.knative.dev/creator"},
	{key: "serving.knative.dev/lastModifier"},
	{key: "serving.knative.dev/forceUpgrade"},
}

// olderRolloutDuration is how rolloutDuration was spelt before.
var olderRolloutDuration = []string{"serving.knative.dev/rolloutDuration"}

// httpProtocolKey says what becomes of requests over http; olderHTTPProtocol is
// how it was spelt before.
const httpProtocolKey = "networking.knative.dev/http-protocol"

var olderHTTPProtocol = []string{"networking.knative.dev/httpProtocol", "networking.knative.dev/httpOption"}

const (
	noSidecar = "there is no sidecar in the pods"
	byIngress = "certificates belong to the ingress, which the installation sets up"
)

func camel(name string) []string { return []string{autoscaling + name} }

// canonical brings annotations to the one spelling of each, so that old and
// new manifests give the same revision, and checks their values.
func (c *check) canonical(path string, annotations map[string]string, known []annotation) map[string]string {
	out := make(map[string]string, len(annotations))
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		at, value := path+"["+key+"]", annotations[key]
		a, ok := findAnnotation(key, known)
		if !ok {
			c.unknown(at, key, known)
			out[key] = value
			continue
		}
		if before, twice := out[a.key]; twice && before != value {
			c.errorf(at, "means the same as %s, which has another value: keep one of them", a.key)
		}
		out[a.key] = value
		if a.check != nil {
			if why := a.check(value); why != "" {
				c.errorf(at, "%s, got %q", why, short(value))
				continue
			}
		}
		if a.inert != "" {
			c.warnf(at, "is accepted but not acted on: %s", a.inert)
		}
	}
	return out
}

func findAnnotation(key string, known []annotation) (annotation, bool) {
	for _, a := range known {
		if a.key == key || slices.Contains(a.also, key) {
			return a, true
		}
	}
	return annotation{}, false
}

// unknown warns of an annotation that looks as if it had a meaning here.
func (c *check) unknown(at, key string, known []annotation) {
	switch {
	case strings.HasPrefix(key, sidecarKeys):
		c.warnf(at, "is accepted but not acted on: %s", noSidecar)
	case strings.HasPrefix(key, autoscaling) && strings.HasPrefix(at, "metadata."):
		// ownMetadata has refused it.
	case strings.HasPrefix(key, autoscaling), strings.HasPrefix(key, features), strings.HasPrefix(key, "serving.knative.dev/"):
		keys := make([]string, 0, len(known))
		for _, a := range known {
			keys = append(append(keys, a.key), a.also...)
		}
		hint := ""
		if near, ok := schema.Nearest(key, keys); ok {
			hint = ": did you mean " + near + "?"
		}
		c.warnf(at, "is not known and not acted on%s", hint)
	}
}

// templateAnnotations checks a template's annotations and makes their
// spelling canonical.
func (c *check) templateAnnotations(t *template) {
	path := t.at.meta + ".annotations"
	for _, key := range slices.Sorted(maps.Keys(t.annotations)) {
		c.reserved(path, key)
	}
	at := spelling(path, t.annotations)
	t.annotations = c.canonical(path, t.annotations, ofTemplate)
	c.scales(at, t.annotations)
	c.scaler(at, t.annotations)
}

// routeAnnotations checks the annotations that say how a route is reached.
func (c *check) routeAnnotations(annotations map[string]string) {
	c.canonical("metadata.annotations", annotations, ofRoute)
	c.oneRollout(annotations)
}

// spelling gives the place of an annotation of autoscaling as the document
// spells it; the name is the one that counts.
func spelling(path string, written map[string]string) (at func(name string) string) {
	return func(name string) string {
		a, _ := findAnnotation(autoscaling+name, ofTemplate)
		for _, key := range append([]string{a.key}, a.also...) {
			if _, ok := written[key]; ok {
				return path + "[" + key + "]"
			}
		}
		return path + "[" + a.key + "]"
	}
}
