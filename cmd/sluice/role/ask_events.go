package role

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Events opens what the dispatcher of events answers. On one machine its address
// can be reached as it is; elsewhere the API server passes on.
func (c *cluster) Events(ctx context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	pod, err := c.dispatcher(ctx)
	if err != nil {
		return nil, err
	}
	token, err := c.requestToken(ctx, contract.Operator)
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(contract.AdminListen)
	if ip := net.ParseIP(pod.Status.PodIP); ip != nil && ip.IsLoopback() {
		return direct(ctx, method, "http://"+net.JoinHostPort(pod.Status.PodIP, port)+path+"?"+query.Encode(), token, body)
	}
	request := c.client.CoreV1().RESTClient().Verb(method).Namespace(contract.Namespace).Resource("pods").
		Name(pod.Name+":"+port).SubResource("proxy").Suffix(path).SetHeader(contract.HeaderToken, token)
	for key := range query {
		request = request.Param(key, query.Get(key))
	}
	if body != nil {
		request = request.SetHeader("Content-Type", cloudevents.MediaTypeJSON).Body(body)
	}
	r, err := request.Stream(ctx)
	return r, saidBy(err)
}

// dispatcher is the pod that has the channels.
func (c *cluster) dispatcher(ctx context.Context) (*corev1.Pod, error) {
	pods, err := c.client.CoreV1().Pods(contract.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelRevision + "=" + contract.Channels})
	if err != nil {
		return nil, fmt.Errorf("channels: %w", err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && p.Status.PodIP != "" {
			return p, nil
		}
	}
	return nil, fmt.Errorf("channels: no pod is running; see kubectl -n %s get pods", contract.Namespace)
}

func direct(ctx context.Context, method, url, token string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", cloudevents.MediaTypeJSON)
	req.Header.Set(contract.HeaderToken, token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("channels: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return nil, errors.Join(errors.New(strings.TrimSpace(string(text))), err)
}

// saidBy is the dispatcher's own text in an error of the API server.
func saidBy(err error) error {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || status.ErrStatus.Details == nil {
		return err
	}
	for _, cause := range status.ErrStatus.Details.Causes {
		if cause.Type == metav1.CauseTypeUnexpectedServerResponse && cause.Message != "" {
			return errors.New(strings.TrimSpace(cause.Message))
		}
	}
	return err
}
