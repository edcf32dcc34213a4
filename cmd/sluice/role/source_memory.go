package role

import (
	"log/slog"
	"os"

	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/runtime/source/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

// memory is where a source remembers how far it was: the ConfigMap that the
// engine made for it, or a file; nil is nowhere.
func (o *sourceOptions) memory(spec contract.Source, log *slog.Logger) (memory.Memory, error) {
	name := os.Getenv(contract.EnvMemory)
	switch {
	case o.state != "":
		return memory.File(o.state), nil
	case name == "":
		return nil, nil
	}
	rc, err := restConfig(o.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(rc)
	if err != nil {
		return nil, err
	}
	return memory.ConfigMap{Client: client.CoreV1().ConfigMaps(spec.Namespace), Name: name, Log: log}, nil
}
