package role

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Ask gets what the autoscaler that leads answers for a path. On one machine
// its address can be reached as it is; elsewhere the API server passes on.
func (c *cluster) Ask(ctx context.Context, path string) ([]byte, error) {
	lease, err := c.client.CoordinationV1().Leases(contract.Namespace).Get(ctx, contract.Autoscaler, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("autoscaler: %w", err)
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return nil, fmt.Errorf("autoscaler: none leads; is it running? kubectl -n %s get pods", contract.Namespace)
	}
	token, err := c.requestToken(ctx, contract.Operator)
	if err != nil {
		return nil, err
	}
	pod, address, _ := strings.Cut(*lease.Spec.HolderIdentity, "@")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("autoscaler: Lease %s/%s: holder %q: %w", contract.Namespace, contract.Autoscaler, *lease.Spec.HolderIdentity, err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return fetch(ctx, "http://"+address+path, token)
	}
	path, query, _ := strings.Cut(path, "?")
	request := c.client.CoreV1().RESTClient().Get().Namespace(contract.Namespace).Resource("pods").
		Name(pod+":"+port).SubResource("proxy").Suffix(path).SetHeader(contract.HeaderToken, token)
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	for key := range values {
		request = request.Param(key, values.Get(key))
	}
	return request.DoRaw(ctx)
}

func fetch(ctx context.Context, url, token string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(contract.HeaderToken, token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("autoscaler: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("autoscaler: %s", strings.TrimSpace(string(b)))
	}
	return b, err
}
