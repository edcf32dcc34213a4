package istio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/client-go/pkg/clientset/versioned"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// APIVersion is the version of the objects that are written.
const APIVersion = "networking.istio.io/v1"

// Kinds are those that a Writer writes.
func Kinds() []manifest.Kind {
	return []manifest.Kind{{APIVersion: APIVersion, Kind: "VirtualService"}, {APIVersion: APIVersion, Kind: "Gateway"}}
}

// Config says how to reach the API server.
type Config struct {
	// REST is where it is and who we are. Required.
	REST *rest.Config
	// Client is the HTTP client to share connections with. Default: one of its own.
	Client *http.Client
}

// Writer writes VirtualServices and Gateways. It is safe for concurrent use.
type Writer struct{ clients versioned.Interface }

// New makes a writer; nothing is sent yet.
func New(cfg Config) (*Writer, error) {
	if cfg.REST == nil {
		return nil, errors.New("istio: Config.REST is required")
	}
	client := cfg.Client
	if client == nil {
		var err error
		if client, err = rest.HTTPClientFor(cfg.REST); err != nil {
			return nil, fmt.Errorf("istio: client: %w", err)
		}
	}
	clients, err := versioned.NewForConfigAndClient(cfg.REST, client)
	if err != nil {
		return nil, fmt.Errorf("istio: client: %w", err)
	}
	return &Writer{clients: clients}, nil
}

// Patch is one server-side apply. The body is checked against Istio's types first.
func (w *Writer) Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error) {
	if err := check(id, body); err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: manager, Force: &force}
	if id.Kind == "Gateway" {
		return encode(w.clients.NetworkingV1().Gateways(id.Namespace).Patch(ctx, id.Name, types.ApplyPatchType, body, options))
	}
	return encode(w.clients.NetworkingV1().VirtualServices(id.Namespace).Patch(ctx, id.Name, types.ApplyPatchType, body, options))
}

// Get reads an object.
func (w *Writer) Get(ctx context.Context, id manifest.ID) ([]byte, error) {
	if err := known(id); err != nil {
		return nil, err
	}
	if id.Kind == "Gateway" {
		return encode(w.clients.NetworkingV1().Gateways(id.Namespace).Get(ctx, id.Name, metav1.GetOptions{}))
	}
	return encode(w.clients.NetworkingV1().VirtualServices(id.Namespace).Get(ctx, id.Name, metav1.GetOptions{}))
}

// Delete removes the object with that UID, or with any if uid is empty.
func (w *Writer) Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error) {
	if err := known(id); err != nil {
		return nil, err
	}
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if uid != "" {
		options.Preconditions = metav1.NewUIDPreconditions(uid)
	}
	if id.Kind == "Gateway" {
		return nil, w.clients.NetworkingV1().Gateways(id.Namespace).Delete(ctx, id.Name, options)
	}
	return nil, w.clients.NetworkingV1().VirtualServices(id.Namespace).Delete(ctx, id.Name, options)
}

// encode is the JSON of what a typed client answered.
func encode[T *networkingv1.VirtualService | *networkingv1.Gateway](object T, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(object)
}
