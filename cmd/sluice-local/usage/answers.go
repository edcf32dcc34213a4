package usage

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// selection is what a question says about whom it wants. The API server, who is
// asked for the pods and nodes themselves, does the selecting, from what it has
// in memory.
func selection(r *http.Request) metav1.ListOptions {
	q := r.URL.Query()
	return metav1.ListOptions{LabelSelector: q.Get("labelSelector"), FieldSelector: q.Get("fieldSelector"), ResourceVersion: "0"}
}

// pods are those of one namespace, or of all.
func (s *Server) pods(r *http.Request) (runtime.Object, error) {
	list, err := s.cfg.Client.CoreV1().Pods(r.PathValue("namespace")).List(r.Context(), selection(r))
	if err != nil {
		return nil, err
	}
	found, err := s.measurePods(r.Context(), list.Items)
	return &v1beta1.PodMetricsList{Items: found}, err
}

func (s *Server) pod(r *http.Request) (runtime.Object, error) {
	p, err := s.cfg.Client.CoreV1().Pods(r.PathValue("namespace")).Get(r.Context(), r.PathValue("name"), metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, missing("pods", r, err)
	}
	found, err := s.measurePods(r.Context(), []corev1.Pod{*p})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, apierrors.NewNotFound(v1beta1.Resource("pods"), r.PathValue("namespace")+"/"+p.Name)
	}
	return &found[0], nil
}

// measurePods leaves out pods of which nothing runs.
func (s *Server) measurePods(ctx context.Context, pods []corev1.Pod) ([]v1beta1.PodMetrics, error) {
	now, err := s.sampler.sample(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	found := []v1beta1.PodMetrics{}
	for i := range pods {
		if m, ok := now.pod(&pods[i]); ok {
			found = append(found, m)
		}
	}
	return found, nil
}

// pod is what the containers of a pod use, in the order of its spec.
func (s *sample) pod(p *corev1.Pod) (v1beta1.PodMetrics, bool) {
	found := v1beta1.PodMetrics{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}}
	var at time.Time
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		m, ok := s.containers[Container{p.Namespace, p.Name, c.Name}]
		if !ok {
			continue
		}
		found.Containers = append(found.Containers, v1beta1.ContainerMetrics{Name: c.Name, Usage: m.list()})
		found.Window.Duration = max(found.Window.Duration, m.window)
		if at.IsZero() || m.use.At.Before(at) {
			at = m.use.At
		}
	}
	found.Timestamp, found.CreationTimestamp = metav1.NewTime(at), metav1.NewTime(s.at)
	return found, len(found.Containers) > 0
}

// nodes is the one node, if it is wanted.
func (s *Server) nodes(r *http.Request) (runtime.Object, error) {
	list, err := s.cfg.Client.CoreV1().Nodes().List(r.Context(), selection(r))
	if err != nil {
		return nil, err
	}
	now, err := s.sampler.sample(r.Context())
	if err != nil {
		return nil, unavailable(err)
	}
	found := &v1beta1.NodeMetricsList{Items: []v1beta1.NodeMetrics{}}
	for i := range list.Items {
		if list.Items[i].Name == now.node {
			found.Items = append(found.Items, now.nodeMetrics(&list.Items[i]))
		}
	}
	return found, nil
}

func (s *Server) node(r *http.Request) (runtime.Object, error) {
	n, err := s.cfg.Client.CoreV1().Nodes().Get(r.Context(), r.PathValue("name"), metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, missing("nodes", r, err)
	}
	now, err := s.sampler.sample(r.Context())
	if err != nil {
		return nil, unavailable(err)
	}
	if n.Name != now.node {
		return nil, apierrors.NewNotFound(v1beta1.Resource("nodes"), n.Name)
	}
	found := now.nodeMetrics(n)
	return &found, nil
}

func (s *sample) nodeMetrics(n *corev1.Node) v1beta1.NodeMetrics {
	return v1beta1.NodeMetrics{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels, CreationTimestamp: metav1.NewTime(s.at)},
		Timestamp:  metav1.NewTime(s.machine.use.At), Window: metav1.Duration{Duration: s.machine.window}, Usage: s.machine.list(),
	}
}

// missing says of this API what the other one said of its own.
func missing(resource string, r *http.Request, err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	return apierrors.NewNotFound(v1beta1.Resource(resource), strings.TrimPrefix(r.PathValue("namespace")+"/"+r.PathValue("name"), "/"))
}

// unavailable is what a source's failure is to those who ask.
func unavailable(err error) error { return apierrors.NewServiceUnavailable(err.Error()) }
