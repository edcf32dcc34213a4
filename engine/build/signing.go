package build

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// signs reports whether the run signs an image.
func signs(r Resolved, c Config) bool { return c.Signing != "" && r.Task.Image != "" }

// signingVolume is the Secret. It may be missing: the last container says so
// better than a pod that never starts.
func signingVolume(c Config) corev1.Volume {
	return corev1.Volume{Name: contract.VolumeSigning, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: c.Signing, Optional: ptr(true)},
	}}
}

// Keep has no step see the key that signs: neither the Secret itself nor the
// volume of the last container. It looks at what is left when the template is
// filled in, where nothing is hidden behind a parameter.
func (r *Resolved) Keep(c Config) {
	if c.Signing == "" {
		return
	}
	for _, v := range r.Task.Volumes {
		if v.Name == contract.VolumeSigning || holds(v, c.Signing) {
			r.trouble(r.Task.Path, "volume %q is the Secret %s, whose key signs images: no step may see it; take the volume out", v.Name, c.Signing)
		}
	}
	for i := range r.Task.Steps {
		r.keepFrom(r.Task.Path, fmt.Sprintf("step %d", i+1), &r.Task.Steps[i], c.Signing)
	}
	for _, s := range r.Task.Sources {
		if s.Custom != nil {
			r.keepFrom(s.Path, "the source", s.Custom, c.Signing)
		}
	}
}

// keepFrom looks at one container of the user's.
func (r *Resolved) keepFrom(at, who string, k *corev1.Container, secret string) {
	const text = "%s asks in %s for the Secret %s, whose key signs images: no step may see it; take that out"
	for _, m := range k.VolumeMounts {
		if m.Name == contract.VolumeSigning {
			r.trouble(at, text, who, "volumeMounts", secret)
		}
	}
	for _, e := range k.Env {
		if f := e.ValueFrom; f != nil && f.SecretKeyRef != nil && f.SecretKeyRef.Name == secret {
			r.trouble(at, text, who, "env", secret)
		}
	}
	for _, f := range k.EnvFrom {
		if f.SecretRef != nil && f.SecretRef.Name == secret {
			r.trouble(at, text, who, "envFrom", secret)
		}
	}
}

// holds reports whether a volume has a Secret in it.
func holds(v corev1.Volume, secret string) bool {
	if v.Secret != nil && v.Secret.SecretName == secret {
		return true
	}
	if v.Projected == nil {
		return false
	}
	for _, p := range v.Projected.Sources {
		if p.Secret != nil && p.Secret.Name == secret {
			return true
		}
	}
	return false
}
