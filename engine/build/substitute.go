package build

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// fill replaces each ${NAME} that has a value, in one pass: what a value holds
// is not looked at again. $${NAME} is ${NAME} itself; a name without a value
// stays as it is written.
func fill(s string, values map[string]string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			b.WriteString(s)
			return b.String()
		}
		name := s[i+2 : i+end]
		value, known := values[name]
		switch {
		case i > 0 && s[i-1] == '$':
			b.WriteString(s[:i-1] + s[i:i+end+1])
		case known:
			b.WriteString(s[:i] + value)
		default:
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		s = s[i+end+1:]
	}
}

func fillAll(list []string, values map[string]string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fill(s, values)
	}
	return out
}

// fillStep fills in every field of a step that may hold parameters: those of
// 0.1, and the image, which came later.
func fillStep(c corev1.Container, values map[string]string) corev1.Container {
	c = *c.DeepCopy()
	c.Name, c.Image, c.WorkingDir = fill(c.Name, values), fill(c.Image, values), fill(c.WorkingDir, values)
	c.Command, c.Args = fillAll(c.Command, values), fillAll(c.Args, values)
	for i := range c.Env {
		c.Env[i].Value = fill(c.Env[i].Value, values)
	}
	for i := range c.VolumeMounts {
		m := &c.VolumeMounts[i]
		m.Name, m.MountPath, m.SubPath = fill(m.Name, values), fill(m.MountPath, values), fill(m.SubPath, values)
	}
	return c
}

// fillVolume fills in a volume's name, and the name of what it holds.
func fillVolume(v corev1.Volume, values map[string]string) corev1.Volume {
	v = *v.DeepCopy()
	v.Name = fill(v.Name, values)
	switch {
	case v.ConfigMap != nil:
		v.ConfigMap.Name = fill(v.ConfigMap.Name, values)
	case v.Secret != nil:
		v.Secret.SecretName = fill(v.Secret.SecretName, values)
	case v.PersistentVolumeClaim != nil:
		v.PersistentVolumeClaim.ClaimName = fill(v.PersistentVolumeClaim.ClaimName, values)
	}
	return v
}
