package serving

import (
	"path"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// volumes checks the pod's volumes and gives their names, each with whether
// it is mounted yet.
func (c *check) volumes(t *template) map[string]bool {
	mounted := map[string]bool{}
	for _, list := range [][]corev1.Container{t.spec.Containers, t.spec.InitContainers} {
		for i := range list {
			for _, m := range list[i].VolumeMounts {
				mounted[m.Name] = true
			}
		}
	}
	names := map[string]bool{}
	for i := range t.spec.Volumes {
		v, at := &t.spec.Volumes[i], index(t.at.spec+".volumes", i)
		switch {
		case v.Name == "" || len(validation.IsDNS1123Label(v.Name)) > 0:
			c.errorf(at+".name", "%q is no DNS-1123 label: use lower-case letters, digits and dashes, at most 63 characters", short(v.Name))
		case names[v.Name]:
			c.errorf(at+".name", "the name %s is taken by another volume", v.Name)
		case !mounted[v.Name]:
			c.errorf(at+".name", "the volume %s is mounted nowhere: write a volumeMount, or leave it out", v.Name)
		}
		names[v.Name] = true
		c.volume(at, v)
	}
	return names
}

func (c *check) volume(at string, v *corev1.Volume) {
	before := len(c.problems)
	c.allowed(at, *v, volumeFields)
	if sources := count(v.VolumeSource); sources != 1 && len(c.problems) == before {
		c.errorf(at, "want one of secret, configMap, projected, emptyDir, downwardAPI, persistentVolumeClaim, ephemeral and image, got %d of them", sources)
	}
	switch {
	case v.Secret != nil:
		c.items(at+".secret.items", v.Secret.Items)
	case v.ConfigMap != nil:
		c.items(at+".configMap.items", v.ConfigMap.Items)
	case v.EmptyDir != nil:
		if m := v.EmptyDir.Medium; m != "" && m != corev1.StorageMediumMemory {
			c.errorf(at+".emptyDir.medium", "want Memory, or leave it out, got %q", m)
		}
	case v.PersistentVolumeClaim != nil:
		if v.PersistentVolumeClaim.ClaimName == "" {
			c.errorf(at+".persistentVolumeClaim.claimName", "claimName is missing")
		}
	case v.Projected != nil:
		c.projected(at+".projected", v.Projected)
	}
}

// count is the number of fields of a struct that are set.
func count(source any) int {
	v, n := reflect.ValueOf(source), 0
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			n++
		}
	}
	return n
}

func (c *check) projected(at string, p *corev1.ProjectedVolumeSource) {
	for i, s := range p.Sources {
		path := index(at+".sources", i)
		if s.ClusterTrustBundle != nil || s.PodCertificate != nil {
			c.errorf(path, "a revision projects secret, configMap, serviceAccountToken and downwardAPI only")
			continue
		}
		if n := count(s); n != 1 {
			c.errorf(path, "want one of secret, configMap, serviceAccountToken and downwardAPI, got %d of them", n)
			continue
		}
		switch {
		case s.Secret != nil:
			c.named(path+".secret.name", s.Secret.Name)
			c.items(path+".secret.items", s.Secret.Items)
		case s.ConfigMap != nil:
			c.named(path+".configMap.name", s.ConfigMap.Name)
			c.items(path+".configMap.items", s.ConfigMap.Items)
		case s.ServiceAccountToken != nil && s.ServiceAccountToken.Path == "":
			c.errorf(path+".serviceAccountToken.path", "path is missing")
		}
	}
}

func (c *check) named(path, name string) {
	if name == "" {
		c.errorf(path, "name is missing")
	}
}

func (c *check) items(at string, items []corev1.KeyToPath) {
	for i, item := range items {
		if item.Key == "" || item.Path == "" {
			c.errorf(index(at, i), "want both key and path")
		}
	}
}

// mounts checks where a container sees its volumes.
func (c *check) mounts(at string, k *corev1.Container, volumes map[string]bool) {
	taken := map[string]bool{}
	for i, m := range k.VolumeMounts {
		p := index(at+".volumeMounts", i)
		c.allowed(p, m, mountFields)
		clean := path.Clean(m.MountPath)
		switch {
		case !volumes[m.Name]:
			c.errorf(p+".name", "there is no volume %q: write it under volumes", short(m.Name))
		case !strings.HasPrefix(m.MountPath, "/"):
			c.errorf(p+".mountPath", "want a path from the root, such as /var/data")
		case clean == "/" || clean == "/dev" || clean == "/dev/log":
			c.errorf(p+".mountPath", "%s is the container's own and cannot be mounted over", clean)
		case taken[clean]:
			c.errorf(p+".mountPath", "%s is taken by another mount", clean)
		}
		taken[clean] = true
	}
}
