package serving

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
)

// The defaults of a revision, Knative's.
const (
	defaultTimeoutSeconds = 300
	defaultContainerName  = "user-container"
)

// setDefaults makes explicit what the template leaves open, so that two
// templates that mean the same are the same. It expects a validated template.
func (t *template) setDefaults() {
	s := &t.spec
	if s.ContainerConcurrency == nil {
		s.ContainerConcurrency = new(int64)
	}
	if value(s.TimeoutSeconds) == 0 {
		timeout := int64(defaultTimeoutSeconds)
		s.TimeoutSeconds = &timeout
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		switch {
		case c.Name != "":
		case len(s.Containers) == 1:
			c.Name = defaultContainerName
		default:
			c.Name = defaultContainerName + "-" + strconv.Itoa(i)
		}
		t.containerDefaults(c)
	}
	for i := range s.InitContainers {
		if c := &s.InitContainers[i]; c.Name == "" {
			c.Name = "init-container-" + strconv.Itoa(i)
		}
		t.containerDefaults(&s.InitContainers[i])
	}
	servingDefaults(&s.Containers[serving(s.Containers)])
	podDefaults(&s.PodSpec)
}

// containerDefaults applies to every container.
func (t *template) containerDefaults(c *corev1.Container) {
	for i := range c.VolumeMounts {
		if t.neverWritten(c.VolumeMounts[i].Name) {
			c.VolumeMounts[i].ReadOnly = true
		}
	}
	for i := range c.Ports {
		p := &c.Ports[i]
		if p.Name == "" {
			p.Name = contract.ProtocolHTTP1
		}
		if p.ContainerPort == 0 {
			p.ContainerPort = contract.DefaultPort
		}
		if p.Protocol == "" {
			p.Protocol = corev1.ProtocolTCP
		}
	}
	probeDefaults(c.LivenessProbe, 10)
	probeDefaults(c.StartupProbe, 10)
}

// neverWritten reports whether a volume's content comes from the cluster.
func (t *template) neverWritten(volume string) bool {
	for _, v := range t.spec.Volumes {
		if v.Name == volume {
			return v.Secret != nil || v.ConfigMap != nil || v.Projected != nil || v.DownwardAPI != nil
		}
	}
	return false
}

// servingDefaults gives the container that answers requests its port and its
// readiness probe.
func servingDefaults(c *corev1.Container) {
	if len(c.Ports) == 0 {
		c.Ports = []corev1.ContainerPort{{Name: contract.ProtocolHTTP1, ContainerPort: contract.DefaultPort, Protocol: corev1.ProtocolTCP}}
	}
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = &corev1.Probe{}
	}
	// Knative probes as often as it can where no period is written; once a
	// second is as often as Kubernetes can.
	probeDefaults(c.ReadinessProbe, 1)
	for _, p := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		probePort(p, c.Ports[0].ContainerPort)
	}
}

// probeDefaults makes the numbers of a probe explicit.
func probeDefaults(p *corev1.Probe, period int32) {
	if p == nil {
		return
	}
	for _, n := range []struct {
		of *int32
		to int32
	}{{&p.PeriodSeconds, period}, {&p.TimeoutSeconds, 1}, {&p.SuccessThreshold, 1}, {&p.FailureThreshold, 3}} {
		if *n.of == 0 {
			*n.of = n.to
		}
	}
	if p.HTTPGet == nil && p.TCPSocket == nil && p.Exec == nil && p.GRPC == nil {
		p.TCPSocket = &corev1.TCPSocketAction{}
	}
	if p.HTTPGet != nil {
		if p.HTTPGet.Path == "" {
			p.HTTPGet.Path = "/"
		}
		if p.HTTPGet.Scheme == "" {
			p.HTTPGet.Scheme = corev1.URISchemeHTTP
		}
	}
}

// probePort points a probe that names no port at the one that serves.
func probePort(p *corev1.Probe, port int32) {
	switch {
	case p == nil:
	case p.HTTPGet != nil && unset(p.HTTPGet.Port):
		p.HTTPGet.Port = intstr.FromInt32(port)
	case p.TCPSocket != nil && unset(p.TCPSocket.Port):
		p.TCPSocket.Port = intstr.FromInt32(port)
	case p.GRPC != nil && p.GRPC.Port == 0:
		p.GRPC.Port = port
	}
}

func unset(p intstr.IntOrString) bool {
	return p.Type == intstr.Int && p.IntVal == 0 || p.Type == intstr.String && p.StrVal == ""
}

// podDefaults keeps a pod's start short: no environment of every Service
// around, no token of an account that the spec does not ask for.
func podDefaults(p *corev1.PodSpec) {
	if p.EnableServiceLinks == nil {
		p.EnableServiceLinks = new(bool)
	}
	if p.AutomountServiceAccountToken == nil && p.ServiceAccountName == "" && !asksForToken(p.Volumes) {
		p.AutomountServiceAccountToken = new(bool)
	}
}

func asksForToken(volumes []corev1.Volume) bool {
	for _, v := range volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.ServiceAccountToken != nil {
				return true
			}
		}
	}
	return false
}
