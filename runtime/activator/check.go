package activator

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// check is one readiness check that can be made from outside the pod.
type check struct {
	kind      checkKind
	addr      string
	url       string
	header    http.Header
	host      string
	service   string // of the gRPC health protocol
	timeout   time.Duration
	successes int
}

type checkKind int

const (
	checkTCP checkKind = iota
	checkHTTP
	checkGRPC
)

func tcpCheck(addr string) check {
	return check{kind: checkTCP, addr: addr, timeout: time.Second, successes: 1}
}

// readChecks lists the checks that make the pod ready. It is false where
// something else decides too (a command in the container, a readiness gate):
// then only Kubernetes can say.
func readChecks(p *corev1.Pod, serving int32, ports realPorts) ([]check, bool) {
	if len(p.Spec.ReadinessGates) > 0 {
		return nil, false
	}
	var all []check
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if c.ReadinessProbe != nil {
			ck, ok := readCheck(p.Status.PodIP, c, serving, ports)
			if !ok {
				return nil, false
			}
			all = append(all, ck)
		}
	}
	if len(all) == 0 {
		all = append(all, tcpCheck(net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(ports.real(serving))))))
	}
	return all, true
}

func readCheck(ip string, c *corev1.Container, serving int32, ports realPorts) (check, bool) {
	probe := c.ReadinessProbe
	ck := check{timeout: time.Duration(max(probe.TimeoutSeconds, 1)) * time.Second, successes: int(max(probe.SuccessThreshold, 1))}
	address := func(host string, port int32) string {
		return net.JoinHostPort(orElse(host, ip), strconv.Itoa(int(ports.real(port))))
	}
	switch {
	case probe.HTTPGet != nil:
		get := probe.HTTPGet
		ck.kind, ck.addr = checkHTTP, address(get.Host, portOf(get.Port, c, serving))
		ck.url = strings.ToLower(orElse(string(get.Scheme), "http")) + "://" + ck.addr + "/" + strings.TrimPrefix(get.Path, "/")
		ck.header = http.Header{"User-Agent": {"sluice-probe"}, "Accept": {"*/*"}}
		for _, h := range get.HTTPHeaders {
			if strings.EqualFold(h.Name, "Host") {
				ck.host = h.Value
			}
			ck.header.Set(h.Name, h.Value)
		}
	case probe.TCPSocket != nil:
		ck.kind, ck.addr = checkTCP, address(probe.TCPSocket.Host, portOf(probe.TCPSocket.Port, c, serving))
	case probe.GRPC != nil:
		port := probe.GRPC.Port
		if port == 0 {
			port = serving
		}
		ck.kind, ck.addr = checkGRPC, address("", port)
		if probe.GRPC.Service != nil {
			ck.service = *probe.GRPC.Service
		}
	default:
		return check{}, false
	}
	return ck, true
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// portOf resolves a probe's port, which may be a number, a name, or left out
// (the serving one).
func portOf(p intstr.IntOrString, c *corev1.Container, serving int32) int32 {
	if p.Type == intstr.Int && p.IntVal > 0 {
		return p.IntVal
	}
	for _, port := range c.Ports {
		if p.Type == intstr.String && port.Name == p.StrVal {
			return port.ContainerPort
		}
	}
	return serving
}

// probeClient makes HTTP checks the way a kubelet does: certificates are not
// verified, a redirect is a success.
var probeClient = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as the kubelet's own probes
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// try makes the check once.
func (ck *check) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ck.timeout)
	defer cancel()
	switch ck.kind {
	case checkHTTP:
		return ck.tryHTTP(ctx)
	case checkGRPC:
		return ck.tryGRPC(ctx)
	case checkTCP:
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", ck.addr)
	if err != nil {
		return err
	}
	return nc.Close()
}

func (ck *check) tryHTTP(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ck.url, nil)
	if err != nil {
		return err
	}
	req.Header, req.Host = ck.header.Clone(), orElse(ck.host, ck.addr)
	res, err := probeClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 10<<10) // what it says does not matter
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return fmt.Errorf("%s: status %d", ck.url, res.StatusCode)
	}
	return nil
}
