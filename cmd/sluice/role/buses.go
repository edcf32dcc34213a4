package role

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

// buses opens the buses that channels are on.
type buses struct {
	data    string // of the embedded one
	sync    time.Duration
	secrets corev1.SecretsGetter
	log     *slog.Logger
}

// open is a channel.Opener.
func (b *buses) open(ctx context.Context, spec contract.Bus) (bus.Driver, bus.Promises, error) {
	parameters, err := b.parameters(ctx, spec)
	if err != nil {
		return nil, bus.Promises{}, err
	}
	switch spec.Driver {
	case contract.DriverMemory:
		return memory.New(memory.Config{Log: b.log}), memory.Promises, nil
	}
	_ = parameters
	return nil, bus.Promises{}, fmt.Errorf("driver %q is not known", spec.Driver)
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
			return nil, fmt.Errorf("parameter %s: Secret %s/%s may not be read; allow it: kubectl -n %s create role sluice-channels --verb=get --resource=secrets --resource-name=%s, and bind it to ServiceAccount %s:%s",
				name, key.Namespace, key.Name, key.Namespace, key.Name, contract.Namespace, contract.Channels)
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
