package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine"
)

// Secrets reads what a pod would pull with.
type Secrets interface {
	// Secret is one by name; nil, without an error, where there is none or
	// where it may not be read.
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Account lists the pull secrets of a ServiceAccount; none where there is no such account.
	Account(ctx context.Context, namespace, name string) ([]string, error)
}

// Kube reads them from the API server.
type Kube struct{ Client kubernetes.Interface }

var _ Secrets = Kube{}

// Secret reads a Secret.
func (k Kube) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	s, err := k.Client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry: Secret %s/%s: %w", namespace, name, err)
	}
	return s, nil
}

// Account reads a ServiceAccount's imagePullSecrets.
func (k Kube) Account(ctx context.Context, namespace, name string) ([]string, error) {
	a, err := k.Client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry: ServiceAccount %s/%s: %w", namespace, name, err)
	}
	out := make([]string, 0, len(a.ImagePullSecrets))
	for _, s := range a.ImagePullSecrets {
		out = append(out, s.Name)
	}
	return out, nil
}

// keychain holds the credentials of the pod's own pull secrets, or else of its
// ServiceAccount's, as Kubernetes does it.
func (d *Digests) keychain(ctx context.Context, image engine.Image) (authn.Keychain, error) {
	if d.cfg.Secrets == nil {
		return anonymous, nil
	}
	names := image.Secrets
	if len(names) == 0 {
		var err error
		if names, err = d.cfg.Secrets.Account(ctx, image.Namespace, account(image)); err != nil {
			return nil, err
		}
	}
	var out keys
	for _, name := range names {
		secret, err := d.cfg.Secrets.Secret(ctx, image.Namespace, name)
		if err != nil {
			return nil, err
		}
		if secret != nil {
			out = append(out, keysOf(secret)...)
		}
	}
	return out, nil
}

func account(image engine.Image) string {
	if image.Account == "" {
		return "default"
	}
	return image.Account
}

// keys are credentials by registry.
type keys []key

type key struct {
	registry string
	auth     authn.AuthConfig
}

// Resolve finds the credentials of a registry; anonymous if there are none.
func (all keys) Resolve(target authn.Resource) (authn.Authenticator, error) {
	for _, k := range all {
		if k.registry == target.RegistryStr() {
			return authn.FromConfig(k.auth), nil
		}
	}
	return authn.Anonymous, nil
}

// keysOf reads a Secret of either of Kubernetes' two types. What cannot be
// read counts for nothing: its pods cannot pull with it either.
func keysOf(secret *corev1.Secret) keys {
	var file struct {
		Auths map[string]authn.AuthConfig `json:"auths"`
	}
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
		_ = json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &file)
	case corev1.SecretTypeDockercfg:
		_ = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &file.Auths)
	default:
	}
	var out keys
	for address, auth := range file.Auths {
		out = append(out, key{registryOf(address), auth})
	}
	return out
}

// registryOf is the registry that a docker config means by an address, which
// may have a scheme and a path, as Docker Hub's always has.
func registryOf(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	host, _, _ := strings.Cut(rest, "/")
	if host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" {
		return name.DefaultRegistry
	}
	return host
}
