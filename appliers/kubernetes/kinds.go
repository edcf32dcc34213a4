package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// resource is how a kind is spelled in URLs.
type resource struct {
	name       string
	namespaced bool
}

// NoKindError says that the API server does not know a kind.
type NoKindError struct{ Kind manifest.Kind }

// Error reads `the API server has no VirtualService in networking.istio.io/v1`.
func (e *NoKindError) Error() string {
	return fmt.Sprintf("the API server has no %s in %s", e.Kind.Kind, e.Kind.APIVersion)
}

// rediscover is how old an answer must be before a kind that was not in it is
// looked for again.
const rediscover = time.Second

// kinds knows the resources of kinds. The ones that are applied most need no
// request; for any other one, the list of its group and version is asked for
// once, and again when a kind is missing from it.
type kinds struct {
	api *API

	mu    sync.Mutex
	found map[manifest.Kind]resource
	asked map[string]time.Time
}

func newKinds(api *API) *kinds {
	return &kinds{api: api, found: common(), asked: map[string]time.Time{}}
}

// common are the kinds that every cluster of ours has.
func common() map[manifest.Kind]resource {
	out := map[manifest.Kind]resource{}
	for version, kinds := range map[string]map[string]resource{
		"v1": {
			"ConfigMap": {"configmaps", true}, "Secret": {"secrets", true}, "Service": {"services", true},
			"ServiceAccount": {"serviceaccounts", true}, "Pod": {"pods", true}, "Event": {"events", true},
			"PersistentVolumeClaim": {"persistentvolumeclaims", true}, "Namespace": {"namespaces", false},
		},
		"apps/v1":  {"Deployment": {"deployments", true}, "StatefulSet": {"statefulsets", true}, "DaemonSet": {"daemonsets", true}},
		"batch/v1": {"Job": {"jobs", true}, "CronJob": {"cronjobs", true}},
		"rbac.authorization.k8s.io/v1": {
			"Role": {"roles", true}, "RoleBinding": {"rolebindings", true},
			"ClusterRole": {"clusterroles", false}, "ClusterRoleBinding": {"clusterrolebindings", false},
		},
		"networking.istio.io/v1": {
			"VirtualService": {"virtualservices", true}, "Gateway": {"gateways", true}, "DestinationRule": {"destinationrules", true},
		},
		"policy/v1":              {"PodDisruptionBudget": {"poddisruptionbudgets", true}},
		"coordination.k8s.io/v1": {"Lease": {"leases", true}},
	} {
		for kind, r := range kinds {
			out[manifest.Kind{APIVersion: version, Kind: kind}] = r
		}
	}
	return out
}

// resource is the kind's resource; a NoKindError if the server has none.
func (k *kinds) resource(ctx context.Context, kind manifest.Kind) (resource, error) {
	k.mu.Lock()
	r, ok := k.found[kind]
	recent := time.Since(k.asked[kind.APIVersion]) < rediscover
	k.mu.Unlock()
	if ok {
		return r, nil
	}
	if recent {
		return resource{}, &NoKindError{kind}
	}
	if err := k.discover(ctx, kind.APIVersion); err != nil {
		return resource{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r, ok = k.found[kind]; !ok {
		return resource{}, &NoKindError{kind}
	}
	return r, nil
}

// discover asks for the resources of a group and version.
func (k *kinds) discover(ctx context.Context, apiVersion string) error {
	raw, err := k.api.do(ctx, http.MethodGet, prefix(apiVersion), "", nil)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("look up what %s has: %w", apiVersion, err)
	}
	var list metav1.APIResourceList
	if err == nil {
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("look up what %s has: %w", apiVersion, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked[apiVersion] = time.Now()
	for _, r := range list.APIResources {
		kind := manifest.Kind{APIVersion: apiVersion, Kind: r.Kind}
		if !strings.Contains(r.Name, "/") { // subresources have one
			k.found[kind] = resource{r.Name, r.Namespaced}
		}
	}
	return nil
}
