package crds

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
)

//go:embed istio.yaml
var istio []byte

// Names are the definitions this package installs.
var Names = []string{
	"destinationrules.networking.istio.io",
	"gateways.networking.istio.io",
	"virtualservices.networking.istio.io",
}

// Apply makes the cluster know the kinds and returns when they can be used. It
// is a read where they are there already.
func Apply(ctx context.Context, cfg *rest.Config) error {
	client, err := apiextensions.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("istio kinds: %w", err)
	}
	defs, err := definitions(istio)
	if err != nil {
		return fmt.Errorf("istio kinds: %w", err)
	}
	for _, def := range defs {
		if err := apply(ctx, client, def); err != nil {
			return fmt.Errorf("%s: %w", def.Name, err)
		}
	}
	for _, def := range defs {
		err := wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			got, err := client.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, def.Name, metav1.GetOptions{})
			return err == nil && established(got), nil
		})
		if err != nil {
			return fmt.Errorf("%s: not established: %w", def.Name, err)
		}
	}
	return nil
}

// apply creates or replaces one definition.
func apply(ctx context.Context, client apiextensions.Interface, def *apiextensionsv1.CustomResourceDefinition) error {
	api := client.ApiextensionsV1().CustomResourceDefinitions()
	_, err := api.Create(ctx, def, metav1.CreateOptions{FieldManager: "sluice-local"})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	live, err := api.Get(ctx, def.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	def = def.DeepCopy()
	def.ResourceVersion = live.ResourceVersion
	_, err = api.Update(ctx, def, metav1.UpdateOptions{FieldManager: "sluice-local"})
	return err
}

func established(def *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range def.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

// definitions reads every document of a YAML stream.
func definitions(text []byte) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var all []*apiextensionsv1.CustomResourceDefinition
	for docs := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 1<<12); ; {
		def := new(apiextensionsv1.CustomResourceDefinition)
		err := docs.Decode(def)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if def.Name != "" {
			all = append(all, def)
		}
	}
}
