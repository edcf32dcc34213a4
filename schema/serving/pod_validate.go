package serving

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// pod checks the pod's spec: what a revision may hold of it, and that it
// fits together.
func (c *check) pod(t *template) {
	s, at := &t.spec, t.at.spec
	c.allowed(at, s.PodSpec, podFields)
	c.podSecurity(at+".securityContext", s.SecurityContext)
	if s.ServiceAccountName != "" && len(validation.IsDNS1123Subdomain(s.ServiceAccountName)) > 0 {
		c.errorf(at+".serviceAccountName", "%q is no name of a ServiceAccount: use lower-case letters, digits, dashes and dots", s.ServiceAccountName)
	}
	if s.DNSPolicy == corev1.DNSClusterFirstWithHostNet {
		c.errorf(at+".dnsPolicy", "is for pods on the node's own network, which a revision never is: leave it out")
	}
	if len(s.Containers) == 0 {
		c.errorf(at+".containers", "containers is missing: write a list with one container and its image")
		return
	}
	volumes := c.volumes(t)
	c.onePort(t)
	names := map[string]string{}
	served := serving(s.Containers)
	for i := range s.Containers {
		path := t.at.containerAt(i)
		role := sidecar
		if i == served {
			role = server
		}
		c.container(path, &s.Containers[i], role, names, volumes)
	}
	for i := range s.InitContainers {
		c.container(index(at+".initContainers", i), &s.InitContainers[i], setup, names, volumes)
	}
}

// onePort checks that exactly one port answers requests.
func (c *check) onePort(t *template) {
	ports := 0
	for i := range t.spec.Containers {
		if ports += len(t.spec.Containers[i].Ports); ports > 1 {
			c.errorf(t.at.containerAt(i)+".ports", "a revision answers on one port: keep the one that takes requests; ports that are not declared stay reachable within the pod")
			return
		}
	}
	if ports == 0 && len(t.spec.Containers) > 1 {
		c.errorf(t.at.spec+".containers", "which of the %d containers answers requests? write ports with its containerPort under that one", len(t.spec.Containers))
	}
}

func (c *check) podSecurity(path string, s *corev1.PodSecurityContext) {
	if s == nil {
		return
	}
	c.allowed(path, *s, podSecurityFields)
	c.ids(path, s.RunAsUser, s.RunAsGroup)
	c.between(path+".fsGroup", s.FSGroup, 0, maxID)
	for i := range s.SupplementalGroups {
		c.between(index(path+".supplementalGroups", i), &s.SupplementalGroups[i], 0, maxID)
	}
}

// maxID is the largest user or group of Linux that Kubernetes knows.
const maxID = 1<<31 - 1

func (c *check) ids(path string, user, group *int64) {
	c.between(path+".runAsUser", user, 0, maxID)
	c.between(path+".runAsGroup", group, 0, maxID)
}

// security checks a container's own security context. What would give it more
// than an ordinary process is refused: the repository is not trusted that far.
func (c *check) security(path string, s *corev1.SecurityContext) {
	if s == nil {
		return
	}
	c.allowed(path, *s, securityFields)
	c.ids(path, s.RunAsUser, s.RunAsGroup)
	if s.Privileged != nil && *s.Privileged {
		c.errorf(path+".privileged", "a privileged container owns its node and is refused: leave it out")
	}
	if s.Capabilities == nil {
		return
	}
	for i, capability := range s.Capabilities.Add {
		if capability != "NET_BIND_SERVICE" {
			c.errorf(index(path+".capabilities.add", i), "the capability %s is refused; only NET_BIND_SERVICE may be added", capability)
		}
	}
}
