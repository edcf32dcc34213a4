package building

import (
	"path"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// steps checks containers that run one after the other.
func (c *check) steps(steps []corev1.Container, volumes map[string]bool) {
	names := map[string]bool{}
	for i := range steps {
		s, at := &steps[i], index("steps", i)
		c.allowed(at, reflect.ValueOf(*s))
		if s.Name != "" && !strings.Contains(s.Name, "${") && c.label(at+".name", contract.StepPrefix+s.Name) && names[s.Name] {
			c.errorf(at+".name", "the name %s is taken by another step", s.Name)
		}
		names[s.Name] = true
		if slices.Contains(contract.BuildSteps, contract.StepPrefix+s.Name) {
			c.errorf(at+".name", "the name %s is that of a step of the platform's: choose another", s.Name)
		}
		if s.Image == "" {
			c.errorf(at+".image", "image is missing: write the image that the step runs in")
		}
		c.stepMounts(at, s, volumes)
		c.privileges(at, s.SecurityContext)
	}
}

func (c *check) stepMounts(at string, s *corev1.Container, volumes map[string]bool) {
	taken := map[string]bool{}
	for i, m := range s.VolumeMounts {
		p := index(at+".volumeMounts", i)
		clean := path.Clean(m.MountPath)
		switch {
		case strings.Contains(m.Name+m.MountPath, "${"):
			continue
		case !volumes[m.Name] && !slices.Contains(contract.BuildVolumes, m.Name):
			c.errorf(p+".name", "there is no volume %q: write it under volumes", short(m.Name))
		case !strings.HasPrefix(m.MountPath, "/"):
			c.errorf(p+".mountPath", "want a path from the root, such as /var/data")
		case clean == "/" || clean == "/dev":
			c.errorf(p+".mountPath", "%s is the container's own and cannot be mounted over", clean)
		case taken[clean]:
			c.errorf(p+".mountPath", "%s is taken by another mount", clean)
		}
		taken[clean] = true
	}
}

// privileges refuses what reaches beyond the pod.
func (c *check) privileges(at string, sc *corev1.SecurityContext) {
	if sc != nil && sc.Privileged != nil && *sc.Privileged {
		c.errorf(at+".securityContext.privileged", "a privileged step owns its node, which a repository is not trusted with: leave it out")
	}
}

// volumes checks a build's volumes and gives their names.
func (c *check) volumes(all []corev1.Volume) map[string]bool {
	names := map[string]bool{}
	for i := range all {
		v, at := &all[i], index("volumes", i)
		switch {
		case strings.Contains(v.Name, "${"):
		case !c.label(at+".name", v.Name):
		case names[v.Name]:
			c.errorf(at+".name", "the name %s is taken by another volume", v.Name)
		case slices.Contains(contract.BuildVolumes, v.Name):
			c.errorf(at+".name", "the volume %s is the platform's own: choose another name, or only mount it", v.Name)
		}
		names[v.Name] = true
		if source := volumeSource(v); !slices.Contains(volumeSources, source) {
			c.errorf(at, "want one of %s, got %s", strings.Join(volumeSources, ", "), source)
		}
	}
	return names
}

// volumeSources are what a build may mount: nothing of its node.
var volumeSources = []string{"secret", "configMap", "emptyDir", "projected", "persistentVolumeClaim", "downwardAPI"}

func volumeSource(v *corev1.Volume) string {
	var set []string
	s := reflect.ValueOf(v.VolumeSource)
	for i := range s.NumField() {
		if !s.Field(i).IsZero() {
			name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(set, " and ")
}

// stepFields are what a step may say of its container. The rest makes sense
// only for a container that stays.
var stepFields = strings.Fields("name image command args workingDir env envFrom volumeMounts resources securityContext " +
	"imagePullPolicy terminationMessagePath terminationMessagePolicy")

func (c *check) allowed(at string, v reflect.Value) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if !v.Field(i).IsZero() && !slices.Contains(stepFields, name) {
			c.errorf(at+"."+name, "a step cannot set %s: it runs once and ends", name)
		}
	}
}
