package install

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Builds is what an installation says of builds.
type Builds struct {
	// Listen is the address of its node on which the engine serves sources,
	// where pods cannot reach it through a Service.
	Listen string `json:"listen,omitempty"`
	// Registries maps names of registries to where they answer, as
	// local.dev to http://127.0.0.1:5000.
	Registries map[string]string `json:"registries,omitempty"`
	// Cache is a folder of every node that builds keep their caches in, each
	// namespace its own.
	Cache string `json:"cache,omitempty"`
	// Defaults are those of the ready ClusterBuildTemplates, by TEMPLATE.PARAMETER.
	Defaults map[string]string `json:"defaults,omitempty"`
	// Secrets lets the engine find out what the Secrets of ServiceAccounts are
	// for in every namespace; else each namespace has to allow it.
	Secrets bool `json:"secrets,omitempty"`
	// SourceLimit is the size from which on the files of a source are too large,
	// as 500M or 3Gi. Default: 2G.
	SourceLimit string `json:"sourceLimit,omitempty"`
	// SigningSecret names the Secret, in the namespace of each build, whose
	// cosign.key signs the image. Without it none are signed.
	SigningSecret string `json:"signingSecret,omitempty"`
}

// SourceBytes is SourceLimit in bytes; 0 is the default.
func (b Builds) SourceBytes() int64 {
	q, err := resource.ParseQuantity(b.SourceLimit)
	if err != nil { // empty: validate has seen to the rest
		return 0
	}
	return q.Value()
}

// SourceAddress is where the engine listens for builds.
func (b Builds) SourceAddress() string {
	if b.Listen != "" {
		return b.Listen
	}
	return ":" + strconv.Itoa(contract.TreeListen)
}

// SourceURL is where builds find the engine.
func (b Builds) SourceURL() string {
	if b.Listen != "" {
		return "http://" + b.Listen
	}
	return fmt.Sprintf("http://%s.%s.svc.cluster.local:%d", contract.Engine, contract.Namespace, contract.TreeListen)
}

// RegistryList is Registries as steps read them: contract.EnvRegistries.
func (b Builds) RegistryList() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(b.Registries)) {
		parts = append(parts, name+"="+b.Registries[name])
	}
	return strings.Join(parts, ",")
}

// validate says what is wrong, naming the flag.
func (b Builds) validate() error {
	if b.Listen != "" {
		if _, _, err := net.SplitHostPort(b.Listen); err != nil {
			return fmt.Errorf("--source-listen %q: want HOST:PORT, as 10.0.0.1:9091", b.Listen)
		}
	}
	if b.Cache != "" && !strings.HasPrefix(b.Cache, "/") {
		return fmt.Errorf("--build-cache %q: want a folder of the nodes, from the root", b.Cache)
	}
	if q, err := resource.ParseQuantity(b.SourceLimit); b.SourceLimit != "" && (err != nil || q.Value() <= 0) {
		return fmt.Errorf("--build-source-limit %q: want a size above 0, as 500M or 3Gi", b.SourceLimit)
	}
	if b.SigningSecret != "" && len(validation.IsDNS1123Subdomain(b.SigningSecret)) > 0 {
		return fmt.Errorf("--build-signing-secret %q: want the name of a Secret, without a namespace, as build-signing", b.SigningSecret)
	}
	for key := range b.Defaults {
		if template, parameter, ok := strings.Cut(key, "."); !ok || template == "" || parameter == "" {
			return fmt.Errorf("--build-default %q: want TEMPLATE.PARAMETER=VALUE, as go.BUILDER_IMAGE=registry.example.com/golang:1.26", key)
		}
	}
	return nil
}

// buildSecrets is the role of who may find out what Secrets are for.
const buildSecrets = "sluice-build-secrets"

// buildRules is what building takes: Jobs, the end of their pods, and knowing
// whose token a build shows.
func buildRules(s Settings) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		rule("batch", write, "jobs"),
		rule("", []string{"patch"}, "pods"),
		reviewRule(),
	}
	if s.Builds.Secrets {
		rules = append(rules, rule("", []string{"get"}, "secrets"))
	}
	return rules
}

// buildObjects are the role that a namespace may bind, and the Service where
// builds ask for sources.
func buildObjects(s Settings) []any {
	out := []any{&rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: buildSecrets, Labels: labels(contract.Engine)},
		Rules:      []rbacv1.PolicyRule{rule("", []string{"get"}, "secrets")},
	}}
	if s.Builds.Listen != "" {
		return out
	}
	return append(out, &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Engine, Labels: labels(contract.Engine)},
		Spec: corev1.ServiceSpec{
			Selector: labels(contract.Engine),
			Ports:    []corev1.ServicePort{{Name: "source", Port: contract.TreeListen, TargetPort: intstr.FromInt32(contract.TreeListen)}},
		},
	})
}
