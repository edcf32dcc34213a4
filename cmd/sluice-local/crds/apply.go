package crds

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
)

// fieldManager owns the definitions.
const fieldManager = "sluice-local"

//go:embed istio.yaml
var istio []byte

// Names are the definitions this package installs.
var Names = []string{
	"destinationrules.networking.istio.io",
	"gateways.networking.istio.io",
	"virtualservices.networking.istio.io",
}

// annotationDigest, on a definition, is the hash of what was applied.
const annotationDigest = "sluice.dev/digest"

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
	sum := sha256.Sum256(istio)
	group, ctx := errgroup.WithContext(ctx)
	for _, def := range defs {
		metav1.SetMetaDataAnnotation(&def.ObjectMeta, annotationDigest, hex.EncodeToString(sum[:]))
		group.Go(func() error {
			if err := ensure(ctx, client.ApiextensionsV1().CustomResourceDefinitions(), def); err != nil {
				return fmt.Errorf("%s: %w", def.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// ensure applies one definition and waits until its kind is served.
func ensure(ctx context.Context, api apiextensionsclient.CustomResourceDefinitionInterface, def *apiextensionsv1.CustomResourceDefinition) error {
	live, err := api.Get(ctx, def.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		live, err = api.Create(ctx, def, metav1.CreateOptions{FieldManager: fieldManager})
	case err == nil && live.Annotations[annotationDigest] != def.Annotations[annotationDigest]:
		def.ResourceVersion = live.ResourceVersion
		live, err = api.Update(ctx, def, metav1.UpdateOptions{FieldManager: fieldManager})
	}
	if err != nil || established(live) {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, false, func(ctx context.Context) (bool, error) {
		live, err := api.Get(ctx, def.Name, metav1.GetOptions{})
		return err == nil && established(live), err
	})
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
