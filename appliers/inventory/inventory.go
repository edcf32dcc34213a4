package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Tooling is the value of the parent's tooling annotation.
const Tooling = "sluice/v1"

// keyKinds is the parent's data key with the kinds and their versions, a line
// each: the convention's annotation has no versions, and a watch needs them.
const keyKinds = "kinds"

// API is what the inventory asks of a cluster; *kubernetes.API is one.
type API interface {
	Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error)
	Get(ctx context.Context, id manifest.ID) ([]byte, error)
}

// Config says where the parent is.
type Config struct {
	// API is the cluster. Required.
	API API
	// Name is the ConfigMap's. Default contract.InventoryConfigMap.
	Name string
	// Namespace is the ConfigMap's. Default contract.Namespace.
	Namespace string
}

// ID is the id of the ApplySet whose parent is that ConfigMap.
func ID(name, namespace string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{name, namespace, "ConfigMap", ""}, ".")))
	return "applyset-" + base64.RawURLEncoding.EncodeToString(sum[:]) + "-v1"
}

// Inventory is the parent. It is safe for concurrent use.
type Inventory struct {
	cfg Config

	mu         sync.Mutex
	loaded     bool
	kinds      []manifest.Kind // sorted
	namespaces []string        // sorted, without the parent's own
}

// New makes an inventory; nothing is read yet.
func New(cfg Config) (*Inventory, error) {
	if cfg.API == nil {
		return nil, errors.New("inventory: Config.API is required")
	}
	if cfg.Name == "" {
		cfg.Name = contract.InventoryConfigMap
	}
	if cfg.Namespace == "" {
		cfg.Namespace = contract.Namespace
	}
	return &Inventory{cfg: cfg}, nil
}

// ID is the ApplySet's id.
func (i *Inventory) ID() string { return ID(i.cfg.Name, i.cfg.Namespace) }

// Load gives the kinds that an earlier run recorded; none if there was no run.
func (i *Inventory) Load(ctx context.Context) ([]manifest.Kind, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.load(ctx); err != nil {
		return nil, err
	}
	return slices.Clone(i.kinds), nil
}

// Ensure records the kinds and namespaces that are new. It writes nothing if
// none is.
func (i *Inventory) Ensure(ctx context.Context, kinds []manifest.Kind, namespaces []string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.loaded {
		if err := i.load(ctx); err != nil {
			return err
		}
	}
	allKinds := sortedKinds(slices.Concat(i.kinds, kinds))
	allNamespaces := i.others(slices.Concat(i.namespaces, namespaces))
	if len(allKinds) == len(i.kinds) && len(allNamespaces) == len(i.namespaces) {
		return nil
	}
	return i.write(ctx, allKinds, allNamespaces)
}

// Shrink forgets all other kinds and namespaces than those given: what is
// there after a prune. It writes nothing if none goes.
func (i *Inventory) Shrink(ctx context.Context, kinds []manifest.Kind, namespaces []string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.loaded {
		if err := i.load(ctx); err != nil {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(i.kinds), func(k manifest.Kind) bool { return !slices.Contains(kinds, k) })
	in := slices.DeleteFunc(slices.Clone(i.namespaces), func(n string) bool { return !slices.Contains(namespaces, n) })
	if len(left) == len(i.kinds) && len(in) == len(i.namespaces) {
		return nil
	}
	return i.write(ctx, left, in)
}

func (i *Inventory) object() manifest.ID {
	return manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: i.cfg.Namespace, Name: i.cfg.Name}
}

// load reads the parent; i.mu is held.
func (i *Inventory) load(ctx context.Context) error {
	raw, err := i.cfg.API.Get(ctx, i.object())
	if apierrors.IsNotFound(err) {
		i.loaded, i.kinds, i.namespaces = true, nil, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("inventory %s: read: %w", i.object(), err)
	}
	var parent struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal(raw, &parent); err != nil {
		return fmt.Errorf("inventory %s: %w", i.object(), err)
	}
	if tool := parent.Metadata.Annotations[contract.AnnotationTooling]; tool != "" && tool != Tooling {
		return fmt.Errorf("inventory %s belongs to %s: delete it if that tool is no longer used", i.object(), tool)
	}
	i.loaded = true
	i.kinds = parseKinds(parent.Data[keyKinds])
	i.namespaces = i.others(strings.Split(parent.Metadata.Annotations[contract.AnnotationNamespaces], ","))
	return nil
}

// write makes the parent name exactly this; i.mu is held.
func (i *Inventory) write(ctx context.Context, kinds []manifest.Kind, namespaces []string) error {
	id := i.object()
	body, err := json.Marshal(map[string]any{
		"apiVersion": id.APIVersion, "kind": id.Kind,
		"metadata": map[string]any{
			"name": id.Name, "namespace": id.Namespace,
			"labels": map[string]string{contract.LabelApplySetID: i.ID()},
			"annotations": map[string]string{
				contract.AnnotationTooling:    Tooling,
				contract.AnnotationContains:   groupKinds(kinds),
				contract.AnnotationNamespaces: strings.Join(namespaces, ","),
			},
		},
		"data": map[string]string{keyKinds: formatKinds(kinds)},
	})
	if err != nil {
		return fmt.Errorf("inventory %s: %w", id, err)
	}
	if _, err := i.cfg.API.Patch(ctx, id, body, contract.FieldManager, true); err != nil {
		return fmt.Errorf("inventory %s: write: %w", id, err)
	}
	i.kinds, i.namespaces = kinds, namespaces
	return nil
}

// others are the namespaces besides the parent's own, sorted, each once.
func (i *Inventory) others(namespaces []string) []string {
	out := slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool { return n == "" || n == i.cfg.Namespace })
	slices.Sort(out)
	return slices.Compact(out)
}
