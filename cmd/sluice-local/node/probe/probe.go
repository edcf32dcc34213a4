package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// maxBody is how much of an answer is quoted in a failure.
const maxBody = 1 << 10

// Target is what is asked.
type Target struct {
	// IP is the pod's address.
	IP string
	// Port finds the real port of a declared one.
	Port func(intstr.IntOrString) (int32, error)
	// Exec runs a command in the container and returns its exit code and output.
	Exec func(ctx context.Context, command []string) (code int, output string, err error)
}

// Check asks once. The handler is that of a probe or of a lifecycle hook.
func Check(ctx context.Context, t Target, h corev1.ProbeHandler) error {
	switch {
	case h.HTTPGet != nil:
		return httpGet(ctx, t, h.HTTPGet)
	case h.TCPSocket != nil:
		return tcpSocket(ctx, t, h.TCPSocket)
	case h.GRPC != nil:
		return grpcHealth(ctx, t, h.GRPC)
	case h.Exec != nil:
		return command(ctx, t, h.Exec.Command)
	}
	return errors.New("probe names no httpGet, tcpSocket, grpc or exec")
}

// address is where to connect to: the pod, unless another host is named.
func address(t Target, host string, port intstr.IntOrString) (string, error) {
	if host == "" {
		host = t.IP
	}
	number, err := t.Port(port)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(number))), nil
}

func httpGet(ctx context.Context, t Target, a *corev1.HTTPGetAction) error {
	addr, err := address(t, a.Host, a.Port)
	if err != nil {
		return err
	}
	scheme := "http"
	if a.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := scheme + "://" + addr + "/" + strings.TrimPrefix(a.Path, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "kube-probe/1.36")
	req.Header.Set("Accept", "*/*")
	for _, h := range a.HTTPHeaders {
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
			continue
		}
		req.Header.Add(h.Name, h.Value)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as the kubelet: a probe asks for life, not for identity
	}
	client := &http.Client{Transport: transport, CheckRedirect: sameHost}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusBadRequest {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		body = nil // the status says enough
	}
	return fmt.Errorf("HTTP probe failed with statuscode: %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
}

// sameHost follows redirects as the kubelet does: elsewhere counts as an answer.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 || req.URL.Hostname() != via[0].URL.Hostname() {
		return http.ErrUseLastResponse
	}
	return nil
}

func tcpSocket(ctx context.Context, t Target, a *corev1.TCPSocketAction) error {
	addr, err := address(t, a.Host, a.Port)
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func grpcHealth(ctx context.Context, t Target, a *corev1.GRPCAction) error {
	addr, err := address(t, "", intstr.FromInt32(a.Port))
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent("kube-probe/1.36"))
	if err != nil {
		return err
	}
	defer conn.Close()
	req := &healthv1.HealthCheckRequest{}
	if a.Service != nil {
		req.Service = *a.Service
	}
	resp, err := healthv1.NewHealthClient(conn).Check(ctx, req)
	if err != nil {
		return fmt.Errorf("gRPC probe failed: %w", err)
	}
	if resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("gRPC probe: service is %s", resp.GetStatus())
	}
	return nil
}

func command(ctx context.Context, t Target, args []string) error {
	code, output, err := t.Exec(ctx, args)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("command %q timed out", args)
	case err != nil:
		return err
	case code != 0:
		return fmt.Errorf("command exited with %d: %s", code, strings.TrimSpace(output))
	}
	return nil
}

// Rhythm is how often a probe asks. Until its first success it asks at once and
// then ever more slowly, up to the period: what starts in milliseconds is known
// to be ready in milliseconds.
type Rhythm struct {
	// Period is how long to wait once it has succeeded.
	Period time.Duration
	// First is the first wait before that.
	First time.Duration

	last      time.Duration
	succeeded bool
}

// Next is how long to wait after an answer.
func (r *Rhythm) Next(ok bool) time.Duration {
	r.succeeded = r.succeeded || ok
	if r.succeeded {
		return r.Period
	}
	r.last = min(max(2*r.last, r.First), r.Period)
	return r.last
}
