package serving

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema/contract"
)

// role is what a container is in its revision.
type role int

const (
	server  role = iota // answers requests
	sidecar             // runs beside
	setup               // runs before
)

// container checks one container.
func (c *check) container(path string, k *corev1.Container, as role, names map[string]string, volumes map[string]bool) {
	rules := containerFields
	if as == setup {
		rules = initFields
	}
	c.allowed(path, *k, rules)
	c.containerName(path, k.Name, names)
	c.image(path+".image", k.Image)
	c.env(path, k, as)
	for i := range k.Ports {
		c.port(index(path+".ports", i), &k.Ports[i])
	}
	c.mounts(path, k, volumes)
	c.resources(path+".resources", &k.Resources)
	c.security(path+".securityContext", k.SecurityContext)
	c.probe(path+".livenessProbe", k.LivenessProbe, false)
	c.probe(path+".readinessProbe", k.ReadinessProbe, true)
	c.probe(path+".startupProbe", k.StartupProbe, false)
	if !slices.Contains([]corev1.PullPolicy{"", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}, k.ImagePullPolicy) {
		c.errorf(path+".imagePullPolicy", "want Always, IfNotPresent or Never, got %q", k.ImagePullPolicy)
	}
	if !slices.Contains([]corev1.TerminationMessagePolicy{"", corev1.TerminationMessageReadFile, corev1.TerminationMessageFallbackToLogsOnError}, k.TerminationMessagePolicy) {
		c.errorf(path+".terminationMessagePolicy", "want File or FallbackToLogsOnError, got %q", k.TerminationMessagePolicy)
	}
	if k.RestartPolicy != nil && as == setup && *k.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		c.errorf(path+".restartPolicy", "want Always (the container then runs beside the others), or leave it out")
	}
}

func (c *check) containerName(path, name string, names map[string]string) {
	if name == "" {
		return
	}
	if len(validation.IsDNS1123Label(name)) > 0 {
		c.errorf(path+".name", "%q is no DNS-1123 label: use lower-case letters, digits and dashes, at most 63 characters", name)
	}
	if first, taken := names[name]; taken {
		c.errorf(path+".name", "the name %s is taken by %s", name, first)
		return
	}
	names[name] = path
}

// reference is what container registries take for an image's name.
var reference = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`)

func (c *check) image(path, image string) {
	switch {
	case image == "":
		c.errorf(path, "image is missing: write the image to run")
	case strings.ContainsAny(image, "{}$<>"):
		c.errorf(path, "%q holds a placeholder that is still to be filled in", short(image))
	case len(image) > 1024 || !reference.MatchString(image):
		c.errorf(path, "%q is no image reference: write it as in ghcr.io/knative/helloworld-go:latest, the name in lower case", short(image))
	}
}

// short cuts what a text repeats.
func short(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// env checks the environment. The platform's own variables are its to set;
// PORT may differ in a container that answers no requests.
func (c *check) env(path string, k *corev1.Container, as role) {
	for i := range k.Env {
		e := &k.Env[i]
		at := index(path+".env", i)
		switch e.Name {
		case "":
			c.errorf(at+".name", "name is missing")
		case contract.EnvPort, contract.EnvService, contract.EnvConfiguration, contract.EnvRevision:
			if e.Name != contract.EnvPort || as == server {
				c.errorf(at+".name", "%s is set by the platform: leave it out%s", e.Name, portHint(e.Name))
			}
		default:
			if len(validation.IsEnvVarName(e.Name)) > 0 {
				c.errorf(at+".name", "%q is no name of a variable: use letters, digits, underscores, dashes and dots, and begin with no digit", short(e.Name))
			}
		}
		c.valueFrom(at+".valueFrom", e)
	}
	for i, e := range k.EnvFrom {
		if (e.ConfigMapRef == nil) == (e.SecretRef == nil) {
			c.errorf(index(path+".envFrom", i), "want one of configMapRef and secretRef")
		}
	}
}

func portHint(name string) string {
	if name == contract.EnvPort {
		return "; to choose the port write ports with its containerPort"
	}
	return ""
}

func (c *check) valueFrom(path string, e *corev1.EnvVar) {
	f := e.ValueFrom
	if f == nil {
		return
	}
	sources := 0
	for _, set := range []bool{f.ConfigMapKeyRef != nil, f.SecretKeyRef != nil, f.FieldRef != nil, f.ResourceFieldRef != nil} {
		if set {
			sources++
		}
	}
	switch {
	case f.FileKeyRef != nil:
		c.errorf(path+".fileKeyRef", "is not supported in a revision: use configMapKeyRef or secretKeyRef")
	case sources != 1:
		c.errorf(path, "want one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef")
	case e.Value != "":
		c.errorf(path, "a variable has a value or a source for it, not both")
	case f.ConfigMapKeyRef != nil && (f.ConfigMapKeyRef.Name == "" || f.ConfigMapKeyRef.Key == ""):
		c.errorf(path+".configMapKeyRef", "want the ConfigMap's name and the key in it")
	case f.SecretKeyRef != nil && (f.SecretKeyRef.Name == "" || f.SecretKeyRef.Key == ""):
		c.errorf(path+".secretKeyRef", "want the Secret's name and the key in it")
	case f.FieldRef != nil && f.FieldRef.FieldPath == "":
		c.errorf(path+".fieldRef.fieldPath", "fieldPath is missing: write a field such as metadata.name")
	case f.ResourceFieldRef != nil && f.ResourceFieldRef.Resource == "":
		c.errorf(path+".resourceFieldRef.resource", "resource is missing: write one such as limits.memory")
	}
}

func (c *check) port(path string, p *corev1.ContainerPort) {
	c.allowed(path, *p, portFields)
	if p.ContainerPort < 0 || p.ContainerPort > 65535 {
		c.errorf(path+".containerPort", "want a port from 1 to 65535, got %d", p.ContainerPort)
	}
	if p.Name != "" && p.Name != contract.ProtocolHTTP1 && p.Name != contract.ProtocolH2C {
		c.errorf(path+".name", "the name of a port says what is spoken on it: write http1 or h2c (HTTP/2, gRPC), or leave it out; got %q", short(p.Name))
	}
	if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
		c.errorf(path+".protocol", "requests come over TCP: leave it out")
	}
}

func (c *check) resources(path string, r *corev1.ResourceRequirements) {
	if len(r.Claims) > 0 {
		c.errorf(path+".claims", "a revision cannot claim devices")
	}
	for name, request := range r.Requests {
		if request.Sign() < 0 {
			c.errorf(path+".requests["+string(name)+"]", "want a quantity of 0 or more")
		}
		if limit, ok := r.Limits[name]; ok && request.Cmp(limit) > 0 {
			c.errorf(path+".requests["+string(name)+"]", "the request of %s is larger than the limit of %s", request.String(), limit.String())
		}
	}
	for name, limit := range r.Limits {
		if limit.Sign() < 0 {
			c.errorf(path+".limits["+string(name)+"]", "want a quantity of 0 or more")
		}
	}
}
