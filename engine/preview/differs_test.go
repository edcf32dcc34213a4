package preview_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/schema/desired"
)

func template() desired.Template {
	return desired.Template{
		TimeoutSeconds: 300,
		Pod: corev1.PodSpec{
			ServiceAccountName: "app",
			Containers: []corev1.Container{{
				Name: "user-container", Image: "app:1", Args: []string{"serve"},
				Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "TOKEN", ValueFrom: secret("app-token")}},
			}},
		},
	}
}

func secret(name string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: "token"}}
}

func TestDiffers_NamesWhatAPreviewMayNotChange(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*desired.Template)
	}{
		{"nothing", "", func(*desired.Template) {}},
		{"image, args and the value of a variable", "", func(t *desired.Template) {
			c := &t.Pod.Containers[0]
			c.Image, c.Args, c.Env[0].Value = "app:2", []string{"serve", "--fast"}, "2"
		}},
		{"a variable more", "", func(t *desired.Template) {
			c := &t.Pod.Containers[0]
			c.Env = append(c.Env, corev1.EnvVar{Name: "B", Value: "3"})
		}},
		{"the same secret under another name", "", func(t *desired.Template) { t.Pod.Containers[0].Env[1].Name = "KEY" }},
		{"another secret", "where the environment variable TOKEN comes from", func(t *desired.Template) { t.Pod.Containers[0].Env[1].ValueFrom = secret("other") }},
		{"all of a secret", "envFrom of container user-container", func(t *desired.Template) {
			t.Pod.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{}}}
		}},
		{"service account", "serviceAccountName", func(t *desired.Template) { t.Pod.ServiceAccountName = "admin" }},
		{"volume", "volumes", func(t *desired.Template) { t.Pod.Volumes = []corev1.Volume{{Name: "host"}} }},
		{"mount", "volumeMounts of container user-container", func(t *desired.Template) {
			t.Pod.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "x"}}
		}},
		{"command", "command of container user-container", func(t *desired.Template) { t.Pod.Containers[0].Command = []string{"sh"} }},
		{"a sidecar", "the number of containers", func(t *desired.Template) {
			t.Pod.Containers = append(t.Pod.Containers, corev1.Container{Name: "miner"})
		}},
		{"scale", "the template's annotations", func(t *desired.Template) {
			t.Annotations = map[string]string{"autoscaling.knative.dev/min-scale": "100"}
		}},
		{"host network", "hostNetwork", func(t *desired.Template) { t.Pod.HostNetwork = true }},
		{"timeout", "timeoutSeconds", func(t *desired.Template) { t.TimeoutSeconds = 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			theirs := template()
			test.change(&theirs)
			if got := preview.Differs(template(), theirs); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
