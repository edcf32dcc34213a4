package render

import (
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// farewellOf annotates a source that makes something outside the cluster with
// how that is removed; nil for the others.
func farewellOf(m desired.Emitter, pod corev1.PodTemplateSpec) (map[string]string, error) {
	of := outside(m)
	if of == "" {
		return nil, nil
	}
	return farewell(contract.Farewell{Of: of, Args: append(slices.Clone(pod.Spec.Containers[0].Args), "--remove")})
}

// outside names what a source makes outside the cluster. What it merely changes
// there, as the events of a hook, is no part of the name.
func outside(m desired.Emitter) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(m.Env, func(e corev1.EnvVar) bool { return slices.Contains(names, e.Name) })
	}
	switch {
	case m.GitHub != nil && has(contract.EnvGitHubToken, contract.EnvGitHubCredentials):
		return strings.Join([]string{contract.SourceGitHub, m.GitHub.API, m.GitHub.Repository, m.GitHub.Hook}, " ")
	case m.PubSub != nil && m.PubSub.Subscription == "":
		return strings.Join([]string{contract.SourcePubSub, m.PubSub.Endpoint, m.PubSub.Project, m.Namespace, m.Name}, " ")
	}
	return ""
}

func farewell(f contract.Farewell) (map[string]string, error) {
	b, err := json.Marshal(f)
	return map[string]string{contract.AnnotationFarewell: string(b)}, err
}
