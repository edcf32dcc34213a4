package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/catalog"
	"github.com/sluice-dev/sluice/schema/contract"
)

// buses opens the buses that channels are on.
type buses struct {
	data    string // folder of the embedded ones
	sync    string
	secrets corev1.SecretsGetter
	log     *slog.Logger
}

// open is a channel.Opener.
func (b *buses) open(ctx context.Context, spec contract.Bus) (bus.Driver, bus.Promises, error) {
	parameters, err := b.parameters(ctx, spec)
	if err != nil {
		return nil, bus.Promises{}, err
	}
	if spec.Driver == contract.DriverJetStream {
		if err := b.embed(spec, parameters); err != nil {
			return nil, bus.Promises{}, err
		}
	}
	return catalog.Open(ctx, spec.Driver, parameters, b.log)
}

// embed gives a bus in this process its folder, whatever the spec says: another
// one is not this process's to write.
func (b *buses) embed(spec contract.Bus, parameters map[string]string) error {
	if b.data == "" {
		return errors.New("the embedded bus has no folder: this process runs without --data")
	}
	parameters["dir"] = filepath.Join(b.data, strings.ReplaceAll(spec.Ref.String(), "/", "."))
	if b.sync != "" && parameters["sync"] == "" {
		parameters["sync"] = b.sync
	}
	return nil
}

// parameters adds those that stand in Secrets.
func (b *buses) parameters(ctx context.Context, spec contract.Bus) (map[string]string, error) {
	out := maps.Clone(spec.Parameters)
	if out == nil {
		out = map[string]string{}
	}
	for name, key := range spec.Secrets {
		secret, err := b.secrets.Secrets(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return nil, fmt.Errorf("parameter %s: Secret %s/%s may not be read; name it to the installation: sluice install --bus-secret %s/%s",
				name, key.Namespace, key.Name, key.Namespace, key.Name)
		case err != nil:
			return nil, fmt.Errorf("parameter %s: Secret %s/%s: %w", name, key.Namespace, key.Name, err)
		}
		value, ok := secret.Data[key.Key]
		if !ok {
			return nil, fmt.Errorf("parameter %s: Secret %s/%s has no key %s", name, key.Namespace, key.Name, key.Key)
		}
		out[name] = string(value)
	}
	return out, nil
}
