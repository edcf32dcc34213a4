package serving

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe checks one probe. A readiness probe may leave open what it asks: then
// it tries to connect.
func (c *check) probe(path string, p *corev1.Probe, readiness bool) {
	if p == nil {
		return
	}
	kinds := count(p.ProbeHandler)
	if kinds > 1 || kinds == 0 && !readiness {
		c.errorf(path, "want one of httpGet, tcpSocket, exec and grpc, got %d of them", kinds)
	}
	for _, n := range []struct {
		field string
		n     int32
	}{
		{"initialDelaySeconds", p.InitialDelaySeconds}, {"periodSeconds", p.PeriodSeconds}, {"timeoutSeconds", p.TimeoutSeconds},
		{"successThreshold", p.SuccessThreshold}, {"failureThreshold", p.FailureThreshold},
	} {
		if n.n < 0 {
			c.errorf(path+"."+n.field, "want 0 or more, got %d", n.n)
		}
	}
	if !readiness && p.SuccessThreshold > 1 {
		c.errorf(path+".successThreshold", "want 1, got %d: one success is enough here", p.SuccessThreshold)
	}
	if p.TerminationGracePeriodSeconds != nil {
		c.errorf(path+".terminationGracePeriodSeconds", "a pod that ends is given timeoutSeconds to finish its requests: leave it out")
	}
	switch {
	case p.HTTPGet != nil:
		c.probePort(path+".httpGet", p.HTTPGet.Port)
		if p.HTTPGet.Host != "" {
			c.errorf(path+".httpGet.host", "a probe asks its own pod: leave it out")
		}
	case p.TCPSocket != nil:
		c.probePort(path+".tcpSocket", p.TCPSocket.Port)
		if p.TCPSocket.Host != "" {
			c.errorf(path+".tcpSocket.host", "a probe asks its own pod: leave it out")
		}
	case p.Exec != nil && len(p.Exec.Command) == 0:
		c.errorf(path+".exec.command", "command is missing")
	}
}

func (c *check) probePort(path string, port intstr.IntOrString) {
	if port.Type == intstr.Int && (port.IntVal < 0 || port.IntVal > 65535) {
		c.errorf(path+".port", "want a port from 1 to 65535, got %d", port.IntVal)
	}
}
