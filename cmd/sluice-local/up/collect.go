package up

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// How often images are collected, and how young they are left alone: a build
// is long over, and its revision there, before its image is old.
const (
	collectEvery = time.Hour
	collectAge   = 24 * time.Hour
)

// collectImages removes, every hour, the images that nothing in the cluster
// names any more.
func (s *session) collectImages(ctx context.Context) {
	s.stack.Push(ctx, stack.Component{Name: "image collector", Run: func(ctx context.Context) error {
		timer := time.NewTicker(collectEvery)
		defer timer.Stop()
		for {
			s.collectOnce(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
		}
	}})
}

// collectOnce collects if it can be known what is in use.
func (s *session) collectOnce(ctx context.Context) {
	used, err := s.usedDigests(ctx)
	if err != nil {
		s.log.Warn("images are not collected: what is in use is not known", "error", err)
		return
	}
	out, err := s.images.Collect(used, collectAge)
	s.log.Info("images collected", "names", out.Names, "blobs", out.Blobs, "unpacked", out.Unpacked, "bytes", out.Bytes, "error", err)
}

// usedDigests are those that Deployments and Pods name. A revision that sleeps
// is a Deployment too.
func (s *session) usedDigests(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	note := func(image string) {
		if _, digest, ok := strings.Cut(image, "@"); ok {
			used[digest] = true
		}
	}
	noteAll := func(p *corev1.PodSpec) {
		for i := range p.InitContainers {
			note(p.InitContainers[i].Image)
		}
		for i := range p.Containers {
			note(p.Containers[i].Image)
		}
	}
	deployments, err := s.cluster.Client().AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range deployments.Items {
		noteAll(&deployments.Items[i].Spec.Template.Spec)
	}
	pods, err := s.cluster.Client().CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range pods.Items {
		noteAll(&pods.Items[i].Spec)
		for _, c := range pods.Items[i].Status.ContainerStatuses {
			note(c.ImageID)
		}
	}
	return used, nil
}
