package role

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

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

	mu   sync.Mutex // guards read
	read map[contract.Ref]reading
}

// reading is what a bus was opened with: a digest, so that a secret is not kept
// longer than a driver needs it.
type reading struct {
	spec   contract.Bus
	digest [sha256.Size]byte
}

// secretsEvery is how often the Secrets of buses are read again: one that is
// changed counts after so long at most.
const secretsEvery = 15 * time.Second

// open is a channel.Opener.
func (b *buses) open(ctx context.Context, spec contract.Bus) (bus.Driver, bus.Promises, error) {
	parameters, err := b.parameters(ctx, spec)
	if err != nil {
		return nil, bus.Promises{}, err
	}
	b.remember(spec, parameters)
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

// remember notes what the Secrets of a bus say.
func (b *buses) remember(spec contract.Bus, parameters map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read == nil {
		b.read = map[contract.Ref]reading{}
	}
	delete(b.read, spec.Ref)
	if len(spec.Secrets) > 0 {
		b.read[spec.Ref] = reading{spec, digest(parameters)}
	}
}

// follow reads the Secrets of buses again until ctx ends, and tells of each bus
// that has others now. A Secret that cannot be read changes nothing: the bus goes
// on with what it has.
func (b *buses) follow(ctx context.Context, every time.Duration, changed func(contract.Ref)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		b.mu.Lock()
		known := maps.Clone(b.read)
		b.mu.Unlock()
		for ref, was := range known {
			now, err := b.parameters(ctx, was.spec)
			if err != nil {
				b.log.Debug("secrets of a bus cannot be read again", "bus", ref, "error", err)
				continue
			}
			if digest(now) == was.digest {
				continue
			}
			b.log.Info("a Secret of the bus has changed, it is opened anew", "bus", ref)
			b.remember(was.spec, now)
			changed(ref)
		}
	}
}

func digest(parameters map[string]string) [sha256.Size]byte {
	b, _ := json.Marshal(parameters) // sorted; a map of texts is always JSON
	return sha256.Sum256(b)
}
