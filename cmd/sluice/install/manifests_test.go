package install

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// The three ways in, and where those in the cluster are served.
func TestManifests_EachWayInHasItsDoors(t *testing.T) {
	for _, c := range []struct {
		name          string
		settings      Settings
		ingress       bool
		inside        int32
		flag, without string
	}{
		{"a balancer of the cluster", Settings{}, true, contract.ActivatorInside, "--inside", "--behind-mesh"},
		{"Istio", Settings{Istio: true}, false, contract.ActivatorListen, "--behind-mesh", "--inside"},
		{"an address of the node", Settings{Listen: "127.0.0.1:8099"}, false, 8099, "--mesh", "--inside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ingress := false
			for _, o := range Manifests(c.settings.WithDefaults()) {
				switch o := o.(type) {
				case *corev1.Service:
					if o.Name == contract.Ingress {
						ingress = o.Spec.Type == corev1.ServiceTypeLoadBalancer
					}
					if got := o.Spec.Ports[0].TargetPort.IntVal; o.Name == contract.Activator && got != c.inside {
						t.Errorf("Service %s leads to %d, want %d", o.Name, got, c.inside)
					}
				case *appsv1.Deployment:
					args := o.Spec.Template.Spec.Containers[0].Args
					if o.Name == contract.Activator && (!slices.Contains(args, c.flag) || slices.Contains(args, c.without)) {
						t.Errorf("arguments %q: want %s and not %s", args, c.flag, c.without)
					}
				}
			}
			if ingress != c.ingress {
				t.Errorf("a Service for the world: %v", ingress)
			}
		})
	}
}
