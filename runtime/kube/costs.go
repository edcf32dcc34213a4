package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema/contract"
)

// marksAtOnce is how many pods are marked at the same time.
const marksAtOnce = 8

// PodCosts marks pods that are to go: for Kubernetes, which takes the cheapest
// first, and for the activators, which send them nothing new.
type PodCosts struct{ client kubernetes.Interface }

var _ autoscaler.PodCosts = (*PodCosts)(nil)

// NewPodCosts builds a PodCosts.
func NewPodCosts(client kubernetes.Interface) (*PodCosts, error) {
	if client == nil {
		return nil, errors.New("kube: pod costs: a client is required")
	}
	return &PodCosts{client: client}, nil
}

// Mark writes the costs of pods of a namespace; zero takes the mark away.
func (p *PodCosts) Mark(ctx context.Context, namespace string, costs map[string]int32) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(marksAtOnce)
	for name, cost := range costs {
		g.Go(func() error { return p.mark(ctx, namespace, name, cost) })
	}
	return g.Wait()
}

func (p *PodCosts) mark(ctx context.Context, namespace, name string, cost int32) error {
	marks := map[string]any{corev1.PodDeletionCost: nil, contract.AnnotationRetiring: nil}
	if cost < 0 {
		marks = map[string]any{corev1.PodDeletionCost: strconv.Itoa(int(cost)), contract.AnnotationRetiring: "true"}
	}
	raw, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": marks}})
	if err != nil {
		return err
	}
	_, err = p.client.CoreV1().Pods(namespace).Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: contract.ScaleFieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("pod %s/%s: mark it with cost %d: %w", namespace, name, cost, err)
	}
	return nil
}
