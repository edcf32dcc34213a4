package role

import (
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// recorder tells Kubernetes Events about the object that a person would
// describe: the revision's Deployment, the route, the Job of a farewell, or the
// engine itself.
type recorder struct{ events *kubernetes.Events }

// Record hands the event on; it does not block.
func (r recorder) Record(e status.Event) {
	r.events.Record(kubernetes.Event{
		About: about(e), Warning: e.Type.Warning(), Reason: e.Type.Reason(), Message: e.Message,
	})
}

func about(e status.Event) manifest.ID {
	switch {
	case e.Type == status.FarewellFailed:
		return manifest.ID{APIVersion: "batch/v1", Kind: "Job", Namespace: e.Subject.Namespace, Name: e.Object}
	case e.Object != "":
		return manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: e.Subject.Namespace, Name: e.Object}
	case e.Type == status.TrafficMoved:
		return manifest.ID{APIVersion: "networking.istio.io/v1", Kind: "VirtualService", Namespace: e.Subject.Namespace, Name: e.Subject.Name}
	}
	return manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: contract.Namespace, Name: contract.Engine}
}
