package node

import (
	"context"
	"fmt"
	"net"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sluice-dev/sluice/schema/contract"
)

// lookups reads the objects that a pod names.
type lookups interface {
	configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
}

// surroundings is what a container's environment depends on besides its spec.
type surroundings struct {
	pod       *corev1.Pod // with address and annotations as they are going to be
	container *corev1.Container
	image     []string
	node      corev1.ResourceList
	apiServer string
	ports     portMap
}

// makeEnv builds a container's environment: the image's, the cluster's, then
// envFrom, then env; a later variable wins.
func makeEnv(ctx context.Context, s surroundings, from lookups) (*environment, error) {
	env := &environment{}
	for _, e := range s.image {
		if name, value, ok := strings.Cut(e, "="); ok {
			env.set(name, value)
		}
	}
	if _, ok := env.lookup("PATH"); !ok {
		env.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	env.set("HOSTNAME", hostname(s.pod))
	if host, port, err := net.SplitHostPort(s.apiServer); err == nil {
		env.set("KUBERNETES_SERVICE_HOST", host)
		env.set("KUBERNETES_SERVICE_PORT", port)
		env.set("KUBERNETES_SERVICE_PORT_HTTPS", port)
	}
	for name, value := range s.ports.variables(s.container) {
		env.set(name, value)
	}
	if err := addEnvFrom(ctx, env, s, from); err != nil {
		return nil, err
	}
	return env, addEnv(ctx, env, s, from)
}

func addEnvFrom(ctx context.Context, env *environment, s surroundings, from lookups) error {
	for _, e := range s.container.EnvFrom {
		data := map[string]string{}
		switch {
		case e.ConfigMapRef != nil:
			cm, err := from.configMap(ctx, s.pod.Namespace, e.ConfigMapRef.Name)
			if err != nil && !optional(err, e.ConfigMapRef.Optional) {
				return err
			}
			if err == nil {
				data = cm.Data
			}
		case e.SecretRef != nil:
			secret, err := from.secret(ctx, s.pod.Namespace, e.SecretRef.Name)
			if err != nil && !optional(err, e.SecretRef.Optional) {
				return err
			}
			if err == nil {
				data = text(secret.Data)
			}
		}
		names := make([]string, 0, len(data))
		for k := range data {
			names = append(names, k)
		}
		sort.Strings(names)
		for _, k := range names {
			env.set(e.Prefix+k, data[k])
		}
	}
	return nil
}

func addEnv(ctx context.Context, env *environment, s surroundings, from lookups) error {
	for _, e := range s.container.Env {
		value, set := expand(e.Value, env.lookup), true
		if e.ValueFrom != nil {
			var err error
			if value, set, err = valueFrom(ctx, e.ValueFrom, s, from); err != nil {
				return err
			}
		}
		if e.Name == contract.EnvPort {
			value = s.ports.override(s.container, value)
		}
		if set {
			env.set(e.Name, value)
		}
	}
	return nil
}

func valueFrom(ctx context.Context, v *corev1.EnvVarSource, s surroundings, from lookups) (value string, set bool, err error) {
	switch {
	case v.FieldRef != nil:
		value, err = field(s.pod, v.FieldRef.FieldPath)
	case v.ResourceFieldRef != nil:
		value, err = resourceField(s.pod, s.container.Name, v.ResourceFieldRef, s.node)
	case v.ConfigMapKeyRef != nil:
		return configMapKey(ctx, v.ConfigMapKeyRef, s.pod.Namespace, from)
	case v.SecretKeyRef != nil:
		return secretKey(ctx, v.SecretKeyRef, s.pod.Namespace, from)
	default:
		err = fmt.Errorf("valueFrom: this source is not known to the process node")
	}
	return value, err == nil, err
}

func configMapKey(ctx context.Context, ref *corev1.ConfigMapKeySelector, namespace string, from lookups) (string, bool, error) {
	cm, err := from.configMap(ctx, namespace, ref.Name)
	if err != nil {
		if optional(err, ref.Optional) {
			return "", false, nil
		}
		return "", false, err
	}
	value, ok := cm.Data[ref.Key]
	if !ok && (ref.Optional == nil || !*ref.Optional) {
		return "", false, fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, namespace, ref.Name)
	}
	return value, ok, nil
}

func secretKey(ctx context.Context, ref *corev1.SecretKeySelector, namespace string, from lookups) (string, bool, error) {
	secret, err := from.secret(ctx, namespace, ref.Name)
	if err != nil {
		if optional(err, ref.Optional) {
			return "", false, nil
		}
		return "", false, err
	}
	value, ok := secret.Data[ref.Key]
	if !ok && (ref.Optional == nil || !*ref.Optional) {
		return "", false, fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, namespace, ref.Name)
	}
	return string(value), ok, nil
}

// optional says whether an object that is missing may be.
func optional(err error, flag *bool) bool {
	return apierrors.IsNotFound(err) && flag != nil && *flag
}

func text(data map[string][]byte) map[string]string {
	out := make(map[string]string, len(data))
	for k, v := range data {
		out[k] = string(v)
	}
	return out
}

// hostname is what the pod calls itself.
func hostname(pod *corev1.Pod) string {
	name := pod.Name
	if pod.Spec.Hostname != "" {
		name = pod.Spec.Hostname
	}
	// A DNS label; what is cut off must not leave a dash behind.
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-.")
	}
	return name
}
