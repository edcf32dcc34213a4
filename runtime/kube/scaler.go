package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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

// Scale applies the order: the replicas and, with them, why the revision was
// given up. It never makes a Deployment.
func (s *Scaler) Scale(ctx context.Context, o autoscaler.Order) error {
	var body scaled
	body.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	body.Metadata.Name, body.Metadata.Namespace, body.Metadata.UID = o.Revision, o.Namespace, o.UID
	body.Spec.Replicas = o.Replicas
	if o.Failed != "" {
		body.Metadata.Annotations = map[string]string{contract.AnnotationFailed: o.Failed}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	force := true
	_, err = s.client.AppsV1().Deployments(o.Namespace).Patch(ctx, o.Revision, types.ApplyPatchType, raw,
		metav1.PatchOptions{FieldManager: contract.ScaleFieldManager, Force: &force})
	return err
}

// Start asks for one pod of a revision that has none; one that has any is left
// alone. It is for when no autoscaler answers, which corrects the number later.
func (s *Scaler) Start(ctx context.Context, namespace, revision string) error {
	deployments := s.client.AppsV1().Deployments(namespace)
	const oneInsteadOfNone = `[{"op":"test","path":"/spec/replicas","value":0},{"op":"replace","path":"/spec/replicas","value":1}]`
	_, err := deployments.Patch(ctx, revision, types.JSONPatchType, []byte(oneInsteadOfNone), metav1.PatchOptions{FieldManager: contract.ScaleFieldManager})
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return err
	case ctx.Err() != nil:
		return err
	}
	d, again := deployments.Get(ctx, revision, metav1.GetOptions{}) // was it the test that failed?
	if again == nil && (d.Spec.Replicas == nil || *d.Spec.Replicas > 0) {
		return nil
	}
	return fmt.Errorf("revision %s/%s: ask for a pod: %w", namespace, revision, err)
}
