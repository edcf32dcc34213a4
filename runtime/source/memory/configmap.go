package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// manager owns the data, so that the engine leaves it alone.
	manager = "sluice-source"

	againFirst = 100 * time.Millisecond
	againLast  = 5 * time.Second
)

// ConfigMap is a memory in a cluster.
type ConfigMap struct {
	Client corev1.ConfigMapInterface
	Name   string
	Log    *slog.Logger
}

// Recall reads what was remembered. It tries until it could: to begin without
// would be to forget.
func (m ConfigMap) Recall(ctx context.Context) (map[string]string, error) {
	wait := againFirst
	for said := false; ; said = true {
		got, err := m.Client.Get(ctx, m.Name, metav1.GetOptions{})
		if err == nil {
			return got.Data, nil
		}
		if !said && ctx.Err() == nil {
			m.Log.Warn("what was remembered cannot be read, is tried again", "configmap", m.Name, "error", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		wait = min(2*wait, againLast)
	}
}

// Remember writes values beside what was remembered before.
func (m ConfigMap) Remember(ctx context.Context, values map[string]string) error {
	body, err := json.Marshal(map[string]any{"data": values})
	if err != nil {
		return err
	}
	_, err = m.Client.Patch(ctx, m.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return nil
}
