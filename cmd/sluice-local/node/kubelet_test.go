package node

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
)

// certificates are a CA and a certificate that is good for both ends.
func certificates(t *testing.T) (ca *x509.CertPool, caPEM, certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.ParseIP("127.77.0.1")},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	ca = x509.NewCertPool()
	ca.AppendCertsFromPEM(certPEM)
	return ca, certPEM, certPEM, keyPEM
}

// reachable is a world whose kubelet API can be talked to.
type reachable struct {
	*world
	rest *rest.Config
	http *http.Client
}

func newReachable(t *testing.T) *reachable {
	t.Helper()
	ca, caPEM, certPEM, keyPEM := certificates(t)
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, client: newClient(), dir: t.TempDir(), serving: pair, clients: ca}
	w.start("")
	node := w.awaitNode()
	host := fmt.Sprintf("https://127.77.0.1:%d", node.Status.DaemonEndpoints.KubeletEndpoint.Port)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca, Certificates: []tls.Certificate{pair}}}
	t.Cleanup(transport.CloseIdleConnections)
	return &reachable{world: w, http: &http.Client{Transport: transport},
		rest: &rest.Config{Host: host, TLSClientConfig: rest.TLSClientConfig{CAData: caPEM, CertData: certPEM, KeyData: keyPEM}}}
}

func (w *world) awaitNode() *corev1.Node {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	watch, err := w.client.CoreV1().Nodes().Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer watch.Stop()
	for {
		n, err := w.client.CoreV1().Nodes().Get(ctx, "local", metav1.GetOptions{})
		if err == nil {
			return n
		}
		select {
		case <-watch.ResultChan():
		case <-ctx.Done():
			w.t.Fatal("there is no node")
		}
	}
}

func (r *reachable) get(path string) (int, string) {
	r.t.Helper()
	resp, err := r.http.Get(r.rest.Host + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestKubelet_RefusesWhoeverItsAuthorityDoesNotKnow(t *testing.T) {
	r := newReachable(t)
	strangers := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if resp, err := strangers.Get(r.rest.Host + "/pods"); err == nil {
		t.Errorf("answered %s", resp.Status)
	}
	if code, body := r.get("/healthz"); code != 200 || body != "ok" {
		t.Errorf("got %d %q", code, body)
	}
}

func TestKubelet_LogsOfThisRunAndTheOneBefore(t *testing.T) {
	r := newReachable(t)
	p := podOf("one", "flaky", "/data/x")
	p.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	r.create(p)
	r.awaitPhase("one", corev1.PodSucceeded)
	for path, want := range map[string]string{
		"/containerLogs/default/one/main":               "second\n",
		"/containerLogs/default/one/main?previous=true": "first\n",
		"/containerLogs/default/one/main?tailLines=0":   "",
		"/containerLogs/default/one/main?follow=true":   "second\n",
	} {
		if code, body := r.get(path); code != 200 || body != want {
			t.Errorf("%s: got %d %q", path, code, body)
		}
	}
	for path, want := range map[string]int{
		"/containerLogs/default/none/main":             404,
		"/containerLogs/default/one/none":              404,
		"/containerLogs/default/one/main?tailLines=no": 400,
	} {
		if code, _ := r.get(path); code != want {
			t.Errorf("%s: got %d", path, code)
		}
	}
	if code, body := r.get("/pods"); code != 200 || !strings.Contains(body, `"name":"one"`) {
		t.Errorf("got %d %s", code, body)
	}
}

// exec runs a command the way kubectl does.
func (r *reachable) exec(tty bool, stdin string, command ...string) (out, errOut string, err error) {
	r.t.Helper()
	query := url.Values{"command": command, "output": {"1"}, "input": {"1"}}
	if tty {
		query.Set("tty", "1")
	} else {
		query.Set("error", "1")
	}
	u, err := url.Parse(r.rest.Host + "/exec/default/one/main?" + query.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := remotecommand.NewSPDYExecutor(r.rest, http.MethodPost, u)
	if err != nil {
		r.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	options := remotecommand.StreamOptions{Stdin: strings.NewReader(stdin), Stdout: &stdout, Tty: tty}
	if !tty {
		options.Stderr = &stderr
	}
	err = e.StreamWithContext(r.t.Context(), options)
	return stdout.String(), stderr.String(), err
}

func TestKubelet_ExecRunsInTheContainer(t *testing.T) {
	r := newReachable(t)
	r.create(serving("one"))
	r.awaitReady("one")
	if out, _, err := r.exec(false, "through", "/app", "echo"); err != nil || out != "through" {
		t.Errorf("got %q, %v", out, err)
	}
	if out, errOut, err := r.exec(false, "", "/app", "stderr", "hm"); err != nil || out != "" || errOut != "hm\n" {
		t.Errorf("got %q, %q, %v", out, errOut, err)
	}
	if _, _, err := r.exec(false, "", "/app", "exit", "3"); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.exec(false, "", "/none"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	if out, _, err := r.exec(true, "", "/app", "tty"); err != nil || out != "a terminal\r\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestKubelet_PortForwardReachesTheDeclaredPort(t *testing.T) {
	r := newReachable(t)
	r.create(serving("one"))
	r.awaitReady("one")
	transport, upgrader, err := spdy.RoundTripperFor(r.rest)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(r.rest.Host + "/portForward/default/one")
	if err != nil {
		t.Fatal(err)
	}
	stop, begun := make(chan struct{}), make(chan struct{})
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	f, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{"0:8080"}, stop, begun, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.ForwardPorts() }()
	<-begun
	ports, err := f.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(body) != "hello from one\n" {
		t.Errorf("got %q, %v", body, err)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLogQuery_ReadsEveryParameter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := httptest.NewRequest(http.MethodGet, "/?tailLines=3&limitBytes=9&sinceSeconds=60&timestamps=true&stream=Stderr", nil)
	q, err := logQuery(r, now)
	if err != nil || q.Tail != 3 || q.LimitBytes != 9 || !q.Since.Equal(now.Add(-time.Minute)) || !q.Timestamps || q.Stream != "stderr" {
		t.Errorf("got %+v, %v", q, err)
	}
}
