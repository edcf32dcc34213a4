package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// manifests asks the binary itself what it wants to be installed.
func manifests(ctx context.Context, cfg Config, image string) ([]*unstructured.Unstructured, error) {
	args := []string{"install",
		"--image", image, "--repo", cfg.Repo, "--branch", cfg.Branch,
		"--listen", cfg.HTTP, "--domain", "localhost", "--events-path", cfg.Events, "-o", "yaml"}
	cmd := exec.CommandContext(ctx, cfg.Sluice, append(args, cfg.Builds...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s install: %w\n%s", cfg.Sluice, err, strings.TrimSpace(complaint.String()))
	}
	objects, err := decode(&out)
	if err != nil {
		return nil, fmt.Errorf("%s install: %w", cfg.Sluice, err)
	}
	return objects, nil
}

// decode reads every document of a YAML stream.
func decode(r io.Reader) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for docs := yaml.NewYAMLOrJSONDecoder(r, 1<<12); ; {
		o := &unstructured.Unstructured{}
		err := docs.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", len(all)+1, err)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// apply applies the objects in their order. Our own former fields are taken
// back by force: nobody else installs the platform.
func apply(ctx context.Context, cfg Config, objects []*unstructured.Unstructured) error {
	client, err := dynamic.NewForConfig(cfg.Admin)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(cfg.Client.Discovery()))
	for _, o := range objects {
		gvk := o.GroupVersionKind()
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
		_, err = client.Resource(mapping.Resource).Namespace(o.GetNamespace()).
			Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
		if err != nil {
			return fmt.Errorf("%s %s: apply: %w", o.GetKind(), o.GetName(), err)
		}
		cfg.Log.Info("applied", "kind", o.GetKind(), "name", o.GetName())
	}
	return nil
}
