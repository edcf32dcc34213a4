package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Scaler writes how many pods a revision is to have.
type Scaler struct{ client kubernetes.Interface }

var _ autoscaler.Scaler = (*Scaler)(nil)

// NewScaler builds a Scaler. The client must not be held back by a rate of a
// few requests a second: many revisions may wake at once.
func NewScaler(client kubernetes.Interface) (*Scaler, error) {
	if client == nil {
		return nil, errors.New("kube: scaler: a client is required")
	}
	return &Scaler{client: client}, nil
}

// scaled is all that the autoscaler says of a Deployment.
type scaled struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		UID         string            `json:"uid,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	} `json:"metadata"`
	Spec struct {
		Replicas int32 `json:"replicas"`
	} `json:"spec"`
}

// Scale writes the order. It never makes a Deployment. Replicas alone go
// through the scale subresource, which is the cheapest way: it sends back no
// Deployment. With annotations they are one apply.
func (s *Scaler) Scale(ctx context.Context, o autoscaler.Order) error {
	deployments := s.client.AppsV1().Deployments(o.Namespace)
	if !o.Annotate {
		raw := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, o.Replicas)
		_, err := deployments.Patch(ctx, o.Revision, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: contract.ScaleFieldManager}, "scale")
		return err
	}
	var body scaled
	body.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	body.Metadata.Name, body.Metadata.Namespace, body.Metadata.UID = o.Revision, o.Namespace, o.UID
	body.Spec.Replicas = o.Replicas
	body.Metadata.Annotations = map[string]string{}
	for name, value := range map[string]string{contract.AnnotationFailed: o.Failed, contract.AnnotationActivation: o.Activation} {
		if value != "" {
			body.Metadata.Annotations[name] = value
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	force := true
	_, err = deployments.Patch(ctx, o.Revision, types.ApplyPatchType, raw,
		metav1.PatchOptions{FieldManager: contract.ScaleFieldManager, Force: &force})
	return err
}

// Start asks for pods of a revision that has none: one, or as many as it is to
// wake with; one that has any is left alone. It is for when no autoscaler
// answers, which corrects the number later.
func (s *Scaler) Start(ctx context.Context, namespace, revision string) error {
	deployments := s.client.AppsV1().Deployments(namespace)
	d, err := deployments.Get(ctx, revision, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("revision %s/%s: ask for a pod: %w", namespace, revision, err)
	}
	if d.Spec.Replicas == nil || *d.Spec.Replicas > 0 {
		return nil
	}
	scale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: revision, UID: d.UID, ResourceVersion: d.ResourceVersion},
		Spec:       autoscalingv1.ScaleSpec{Replicas: autoscaler.WakeScale(d)},
	}
	_, err = deployments.UpdateScale(ctx, revision, scale, metav1.UpdateOptions{FieldManager: contract.ScaleFieldManager})
	if apierrors.IsConflict(err) {
		return nil // somebody else was faster
	}
	if err != nil {
		return fmt.Errorf("revision %s/%s: ask for a pod: %w", namespace, revision, err)
	}
	return nil
}
