package role

import (
	"bytes"
	"context"
	"encoding/json"
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

// Events opens what the dispatchers of events answer: the list of all of them,
// or that of the one that has the channel or subscription.
func (c *cluster) Events(ctx context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	pods, err := c.dispatchers(ctx)
	if err != nil {
		return nil, err
	}
	token, err := c.requestToken(ctx, contract.Operator)
	if err != nil {
		return nil, err
	}
	ask := func(pod *corev1.Pod) (io.ReadCloser, error) {
		return c.askPod(ctx, pod, method, path, query, token, content)
	}
	if path == contract.PathEventsLag || path == contract.PathEventsTrace {
		return gather(pods, path, ask)
	}
	return first(pods, ask)
}

// dispatchers are the pods that have channels, the installation's own first.
func (c *cluster) dispatchers(ctx context.Context) ([]*corev1.Pod, error) {
	pods, err := c.client.CoreV1().Pods(contract.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelDispatcher})
	if err != nil {
		return nil, fmt.Errorf("channels: %w", err)
	}
	var out []*corev1.Pod
	for i := range pods.Items {
		if p := &pods.Items[i]; p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && p.Status.PodIP != "" {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("channels: no pod is running; see kubectl -n %s get pods", contract.Namespace)
	}
	return out, nil
}

// askPod asks one. On one machine its address can be reached as it is;
// elsewhere the API server passes on.
func (c *cluster) askPod(ctx context.Context, pod *corev1.Pod, method, path string, query url.Values, token string, body []byte) (io.ReadCloser, error) {
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

// errElsewhere is the answer of one that has not the channel or subscription.
type errElsewhere struct{ error }

// first is the answer of whoever has what is asked for.
func first(pods []*corev1.Pod, ask func(*corev1.Pod) (io.ReadCloser, error)) (r io.ReadCloser, err error) {
	for _, pod := range pods {
		if r, err = ask(pod); err == nil {
			return r, nil
		}
		if _, elsewhere := errors.AsType[errElsewhere](err); !elsewhere {
			return nil, err
		}
	}
	return nil, err
}

// gather joins the lists of all. One that does not answer hides no other: it has
// an entry of its own where lags are listed.
func gather(pods []*corev1.Pod, path string, ask func(*corev1.Pod) (io.ReadCloser, error)) (io.ReadCloser, error) {
	all, failed := []json.RawMessage{}, []error(nil)
	for _, pod := range pods {
		list, err := listOf(pod, ask)
		all = append(all, list...)
		if err == nil {
			continue
		}
		failed = append(failed, err)
		silent, err := json.Marshal(contract.Lag{
			Subscription: "-", Channel: pod.Labels[contract.LabelDispatcher], State: contract.StateFailing, Pending: -1, Text: "this dispatcher does not answer: " + err.Error(),
		})
		if err == nil && path == contract.PathEventsLag {
			all = append(all, silent)
		}
	}
	if len(failed) == len(pods) {
		return nil, errors.Join(failed...)
	}
	b, err := json.Marshal(all)
	return io.NopCloser(bytes.NewReader(b)), err
}

func listOf(pod *corev1.Pod, ask func(*corev1.Pod) (io.ReadCloser, error)) (list []json.RawMessage, err error) {
	r, err := ask(pod)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return list, json.NewDecoder(r).Decode(&list)
}

func direct(ctx context.Context, method, url, token string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
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
	err = errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	if resp.StatusCode == http.StatusNotFound {
		return nil, errElsewhere{err}
	}
	return nil, err
}

// saidBy is the dispatcher's own text in an error of the API server.
func saidBy(err error) error {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || status.ErrStatus.Details == nil {
		return err
	}
	for _, cause := range status.ErrStatus.Details.Causes {
		if cause.Type != metav1.CauseTypeUnexpectedServerResponse || cause.Message == "" {
			continue
		}
		said := errors.New(strings.TrimSpace(cause.Message))
		if apierrors.IsNotFound(err) {
			return errElsewhere{said}
		}
		return said
	}
	return err
}
