package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestUserOf(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0::/:\nweb:x:101:102::/:\n", "group": "staff:x:50:\n"} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	asUser := func(uid int64) *corev1.SecurityContext { return &corev1.SecurityContext{RunAsUser: &uid} }
	for _, c := range []struct {
		name, image string
		pod         *corev1.PodSecurityContext
		container   *corev1.SecurityContext
		want        user
		refused     bool
	}{
		{name: "nobody says anything", want: user{}},
		{name: "the image's user by name", image: "web", want: user{uid: 101, gid: 102}},
		{name: "by number, group from passwd", image: "101", want: user{uid: 101, gid: 102}},
		{name: "by number that passwd does not know", image: "999", want: user{uid: 999}},
		{name: "with a group by name", image: "web:staff", want: user{uid: 101, gid: 50}},
		{name: "a name that is not there", image: "ghost", refused: true},
		{name: "the container goes before the pod", image: "web", pod: &corev1.PodSecurityContext{RunAsUser: new(int64(1)), RunAsGroup: new(int64(2))}, container: asUser(3), want: user{uid: 3, gid: 2}},
		{name: "root although it must not be", pod: &corev1.PodSecurityContext{RunAsNonRoot: new(true)}, refused: true},
		{name: "somebody else, as it must be", pod: &corev1.PodSecurityContext{RunAsNonRoot: new(true)}, container: asUser(5), want: user{uid: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{SecurityContext: c.pod}}
			got, err := userOf(pod, &corev1.Container{SecurityContext: c.container}, Image{Root: root, User: c.image})
			if (err != nil) != c.refused || err == nil && (got.uid != c.want.uid || got.gid != c.want.gid) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// The stories of this package, told again by somebody without root.
func TestNode_NeedsNoRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		return // then everything else here just showed it
	}
	dir, err := os.MkdirTemp("", "rootless")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self := filepath.Join(dir, "node.test")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, data, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, imageRoot} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(self, "-test.run", "Pod|Container|Node|Kubelet")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), builtKey+"="+imageRoot, "HOME=/nonexistent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
