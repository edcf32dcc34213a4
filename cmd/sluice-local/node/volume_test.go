package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func (w *world) createObjects(objects ...runtime.Object) {
	w.t.Helper()
	for _, o := range objects {
		if err := w.client.(*fake.Clientset).Tracker().Add(o); err != nil {
			w.t.Fatal(err)
		}
	}
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "default"} }

func TestContainer_SeesItsEnvironmentAsKubernetesSays(t *testing.T) {
	w := newWorld(t)
	w.createObjects(
		&corev1.ConfigMap{ObjectMeta: meta("cm"), Data: map[string]string{"a": "from map", "b": "2"}},
		&corev1.Secret{ObjectMeta: meta("s"), Data: map[string][]byte{"key": []byte("hush")}},
	)
	p := podOf("one", "all", "args", "$(GREETING)", "$$(GREETING)", "$(NOBODY)", "then", "env")
	p.Labels = map[string]string{"app": "hello"}
	p.Spec.Hostname = "box"
	p.Spec.ServiceAccountName = "robot"
	c := &p.Spec.Containers[0]
	c.Ports = []corev1.ContainerPort{{ContainerPort: 8080}, {ContainerPort: 9090}}
	c.Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m"), corev1.ResourceMemory: resource.MustParse("10Mi")}
	c.EnvFrom = []corev1.EnvFromSource{{Prefix: "CM_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "cm"}}}}
	from := func(name string, s corev1.EnvVarSource) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &s}
	}
	fieldRef := func(path string) corev1.EnvVarSource {
		return corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	c.Env = []corev1.EnvVar{
		{Name: "WHO", Value: "world"},
		{Name: "GREETING", Value: "hello $(WHO) $(LATER)"},
		{Name: "LATER", Value: "x"},
		{Name: "PORT", Value: "8080"},
		{Name: "FROM_IMAGE", Value: "no"},
		from("MY_IP", fieldRef("status.podIP")),
		from("MY_LABEL", fieldRef("metadata.labels['app']")),
		from("MY_ACCOUNT", fieldRef("spec.serviceAccountName")),
		from("MY_CPU", corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}),
		from("MY_MEM", corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}),
		from("SECRET", corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "key"}}),
		from("MAYBE", corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}, Key: "key", Optional: new(true)}}),
	}
	w.create(p)
	got := w.awaitPhase("one", corev1.PodSucceeded)
	out := w.logs(got, "main", 0)
	var ports map[string]json.Number
	if err := json.Unmarshal([]byte(got.Annotations["sluice.dev/ports"]), &ports); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"hello world $(LATER)|$(GREETING)|$(NOBODY)\n", "HOSTNAME=box\n", "KUBERNETES_SERVICE_HOST=127.0.0.1\n", "KUBERNETES_SERVICE_PORT=6443\n",
		"CM_a=from map\n", "CM_b=2\n", "FROM_IMAGE=no\n", "MY_IP=" + got.Status.PodIP + "\n", "MY_LABEL=hello\n", "MY_ACCOUNT=robot\n",
		"MY_CPU=2\n", "MY_MEM=10\n", "SECRET=hush\n", "PORT=" + ports["8080"].String() + "\n", "PORT_9090=" + ports["9090"].String() + "\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "MAYBE") {
		t.Error("a missing optional variable is set")
	}
}

func TestContainer_SeesItsVolumes(t *testing.T) {
	w := newWorld(t)
	w.client.(*fake.Clientset).PrependReactor("create", "serviceaccounts", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: "token!", ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour))}}, nil
	})
	w.createObjects(
		&corev1.ConfigMap{ObjectMeta: meta("cm"), Data: map[string]string{"a": "A", "b": "B"}, BinaryData: map[string][]byte{"c": []byte("C")}},
		&corev1.Secret{ObjectMeta: meta("s"), Data: map[string][]byte{"key": []byte("hush")}},
	)
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "f"), []byte("host"), 0o644); err != nil {
		t.Fatal(err)
	}
	local := corev1.LocalObjectReference{Name: "cm"}
	p := podOf("one", "all", "cat", "/cm/a", "/cm/c", "/items/deep/x", "/secret/key", "/proj/token", "/proj/name", "/host/f", "/sub/a", "then", "ls", "/items/deep/", "then",
		"write", "/empty/x", "y", "then", "cat", "/etc/hosts", "then", "write", "/cm/new", "z")
	p.Spec.Volumes = []corev1.Volume{
		{Name: "cm", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local}}},
		{Name: "items", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local, Items: []corev1.KeyToPath{{Key: "b", Path: "deep/x", Mode: new(int32(0o400))}}}}},
		{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}}},
		{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}},
		{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: host, Type: new(corev1.HostPathDirectory)}}},
		{Name: "proj", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}},
		}}}},
	}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "cm", MountPath: "/cm"}, {Name: "items", MountPath: "/items"}, {Name: "secret", MountPath: "/secret"}, {Name: "empty", MountPath: "/empty"},
		{Name: "host", MountPath: "/host", ReadOnly: true}, {Name: "proj", MountPath: "/proj"}, {Name: "cm", MountPath: "/sub/a", SubPath: "a"},
	}
	w.create(p)
	got := w.awaitPhase("one", corev1.PodFailed) // by its last deed: a ConfigMap cannot be written to
	out := w.logs(got, "main", 0)
	if !strings.Contains(out, "ACBhushtoken!onehostA-r-------- x\n") || !strings.Contains(out, "/cm/new: read-only file system\n") ||
		!strings.Contains(out, got.Status.PodIP+"\tone\n") {
		t.Errorf("got %q", out)
	}
}

func TestPod_VolumeOfAConfigMapFollowsIt(t *testing.T) {
	w := newWorld(t)
	cm := &corev1.ConfigMap{ObjectMeta: meta("cm"), Data: map[string]string{"a": "old"}}
	w.createObjects(cm)
	p := serving("one")
	p.Spec.Volumes = []corev1.Volume{{Name: "cm", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "cm"}}}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "cm", MountPath: "/cm"}}
	p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/app", "equal", "/cm/a", "new"}}}}
	w.create(p)
	w.await("one", "running", func(p *corev1.Pod) bool { return main0(p).State.Running != nil })
	cm = cm.DeepCopy()
	cm.Data["a"] = "new"
	if _, err := w.client.CoreV1().ConfigMaps("default").Update(t.Context(), cm, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.awaitReady("one")
}

func TestWritePayload_ReplacesEverythingAtOnce(t *testing.T) {
	dir := t.TempDir()
	read := func() map[string]string {
		out := map[string]string{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if data, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil {
				out[e.Name()] = string(data)
			}
		}
		return out
	}
	for _, want := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3", "c": "4"}, {}} {
		p := payload{}
		for k, v := range want {
			p[k] = file{[]byte(v), 0o644}
		}
		if err := writePayload(dir, p, time.Now()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Error(diff)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWritePayload_RefusesFilesOutsideOfTheVolume(t *testing.T) {
	for _, name := range []string{"../x", "/x", "..data", "a/../../x"} {
		if err := writePayload(t.TempDir(), payload{name: {}}, time.Now()); err == nil {
			t.Errorf("%q was written", name)
		}
	}
}

func TestSubPath_NeverLeadsOutOfItsVolume(t *testing.T) {
	volume, outside := t.TempDir(), t.TempDir()
	for name, target := range map[string]string{"abs": outside, "rel": "../" + filepath.Base(outside)} {
		if err := os.Symlink(target, filepath.Join(volume, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"..", "../x", "/etc", "abs", "rel", "abs/x"} {
		if got, err := subPath(volume, sub); err == nil {
			t.Errorf("%q leads to %s", sub, got)
		}
	}
	if got, err := subPath(volume, "new/deep"); err != nil || got != filepath.Join(volume, "new/deep") {
		t.Errorf("got %s, %v", got, err)
	}
}
