package node

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// api reads from the API server what pods refer to. It reads afresh each time:
// what was written just before the pod is seen.
type api struct{ client kubernetes.Interface }

var _ lookups = api{}

func (a api) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	return a.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (a api) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return a.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// named lists the ConfigMaps and Secrets that a pod refers to, as kind/namespace/name.
func named(pod *corev1.Pod) map[string]bool {
	names := map[string]bool{}
	configMap := func(name string) { names["configmap/"+pod.Namespace+"/"+name] = true }
	secret := func(name string) { names["secret/"+pod.Namespace+"/"+name] = true }
	for _, v := range pod.Spec.Volumes {
		namedByVolume(v, configMap, secret)
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			namedByEnv(c, configMap, secret)
		}
	}
	return names
}

func namedByVolume(v corev1.Volume, configMap, secret func(string)) {
	if v.ConfigMap != nil {
		configMap(v.ConfigMap.Name)
	}
	if v.Secret != nil {
		secret(v.Secret.SecretName)
	}
	if v.Projected == nil {
		return
	}
	for _, s := range v.Projected.Sources {
		if s.ConfigMap != nil {
			configMap(s.ConfigMap.Name)
		}
		if s.Secret != nil {
			secret(s.Secret.Name)
		}
	}
}

func namedByEnv(c corev1.Container, configMap, secret func(string)) {
	for _, e := range c.EnvFrom {
		if e.ConfigMapRef != nil {
			configMap(e.ConfigMapRef.Name)
		}
		if e.SecretRef != nil {
			secret(e.SecretRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			configMap(e.ValueFrom.ConfigMapKeyRef.Name)
		}
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			secret(e.ValueFrom.SecretKeyRef.Name)
		}
	}
}
