package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// What roles tell and do is for the platform's own accounts, each for some; the
// way there is not what protects it.
func TestStrangers_AreRefusedByEveryRole(t *testing.T) {
	operator := tokenFor(t, contract.Namespace, contract.Operator, contract.AdminAudience)
	activator := tokenFor(t, contract.Namespace, contract.Activator, contract.AdminAudience)
	forTheAPI := tokenFor(t, contract.Namespace, contract.Operator)
	stranger := tokenFor(t, "default", "default", contract.AdminAudience)
	channels, scaler := rolePort(t, contract.Channels, contract.AdminListen), rolePort(t, contract.Autoscaler, contract.AutoscalerListen)
	places := rolePort(t, contract.Activator, contract.AdminListen)
	for _, c := range []struct {
		method, url, token string
		want               int
	}{
		{http.MethodGet, channels + contract.PathEventsLag, "", 401},
		{http.MethodGet, channels + contract.PathEventsLag, "made-up", 401},
		{http.MethodGet, channels + contract.PathEventsLag, forTheAPI, 401},
		{http.MethodGet, channels + contract.PathEventsLag, stranger, 403},
		{http.MethodGet, channels + contract.PathEventsLag, activator, 403},
		{http.MethodGet, channels + contract.PathEventsLag, operator, 200},
		{http.MethodGet, channels + contract.PathEventsTail + "?channel=default/none", "", 401},
		{http.MethodPost, channels + contract.PathEventsSend + "?channel=default/none", stranger, 403},
		{http.MethodPost, channels + contract.PathEventsReplay + "?subscription=default/none&since=1h", stranger, 403},
		{http.MethodPost, channels + contract.PathEventsReplay + "?subscription=default/none&since=1h", operator, 404},
		{http.MethodPost, channels + contract.PathEventsRedrive + "?subscription=default/none", "", 401},
		{http.MethodGet, scaler + contract.PathTop, "", 401},
		{http.MethodGet, scaler + contract.PathTop, stranger, 403},
		{http.MethodGet, scaler + contract.PathTop, operator, 200},
		{http.MethodPost, scaler + stat.LoadPath, operator, 403},
		{http.MethodGet, places + contract.PathPlaces, "", 401},
		{http.MethodGet, places + contract.PathPlaces, operator, 403},
		{http.MethodGet, channels + "/metrics", "", 200},
		{http.MethodGet, channels + "/readyz", "", 200},
	} {
		if status, text := asking(t, c.method, c.url, c.token); status != c.want {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.url, status, text, c.want)
		}
	}
}

// rolePort is where a role's pod is asked.
func rolePort(t *testing.T, role string, port int) string {
	t.Helper()
	pods, err := kubeClient(t).CoreV1().Pods(contract.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: contract.LabelComponent + "=" + role})
	check(t, err)
	for _, p := range pods.Items {
		if p.Status.PodIP != "" && p.DeletionTimestamp == nil {
			return "http://" + net.JoinHostPort(p.Status.PodIP, fmt.Sprint(port))
		}
	}
	t.Fatalf("%s: no pod is running", role)
	return ""
}

// tokenFor is a ServiceAccount's token.
func tokenFor(t *testing.T, namespace, account string, audiences ...string) string {
	t.Helper()
	made, err := kubeClient(t).CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}, metav1.CreateOptions{})
	check(t, err)
	return made.Status.Token
}

func asking(t *testing.T, method, url, token string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	check(t, err)
	if token != "" {
		req.Header.Set(contract.HeaderToken, token)
	}
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	check(t, err)
	return resp.StatusCode, strings.TrimSpace(string(b))
}
