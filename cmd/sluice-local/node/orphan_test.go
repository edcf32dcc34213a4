package node

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// A victim is this test binary as a node in a process of its own, to be killed.
const (
	victimKey   = "NODE_TEST_VICTIM" // its directory
	victimMode  = "NODE_TEST_MODE"
	victimImage = "NODE_TEST_IMAGE"
)

// beVictim runs a node with one pod that leaves an orphan behind, and says
// "ready" when that runs.
func beVictim(dir string) {
	imageRoot = os.Getenv(victimImage)
	lock := filepath.Join(dir, "lock", "lock")
	p := podOf("victim", "fork", "/lock/lock")
	p.Spec.Volumes = []corev1.Volume{{Name: "lock", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: filepath.Dir(lock)}}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "lock", MountPath: "/lock"}}
	cfg := config(fake.NewClientset(p), dir)
	if cfg.Mode = shim.Mode(os.Getenv(victimMode)); cfg.Mode == shim.Bare {
		p.Spec.Containers[0].VolumeMounts, p.Spec.Containers[0].Args[1] = nil, lock
		cfg.Client = fake.NewClientset(p)
	}
	n, err := New(cfg)
	if err != nil {
		panic(err)
	}
	go func() {
		for !locked(lock) {
			time.Sleep(time.Millisecond)
		}
		_, _ = os.Stdout.WriteString("ready\n")
	}()
	if err := n.Run(context.Background()); err != nil {
		panic(err)
	}
}

// locked says whether an orphan holds the file.
func locked(name string) bool {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// startVictim returns when its orphan runs.
func startVictim(t *testing.T, mode shim.Mode) (cmd *exec.Cmd, dir, lock string) {
	t.Helper()
	dir = t.TempDir()
	t.Cleanup(func() { _ = shim.Remove(dir) })
	lock = filepath.Join(dir, "lock", "lock")
	if err := os.MkdirAll(filepath.Dir(lock), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimKey+"="+dir, victimMode+"="+string(mode), victimImage+"="+imageRoot)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		_ = cmd.Process.Kill()
		t.Fatalf("victim said %q, %v", line, err)
	}
	return cmd, dir, lock
}

func awaitUnlocked(t *testing.T, lock string) {
	t.Helper()
	for deadline := time.Now().Add(patience); locked(lock); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an orphan survived")
		}
	}
}

func TestNode_KilledByForceLeavesNoProcess(t *testing.T) {
	for _, mode := range []shim.Mode{shim.Overlay, shim.Copy, shim.Bare} {
		t.Run(string(mode), func(t *testing.T) {
			cmd, _, lock := startVictim(t, mode)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			awaitUnlocked(t, lock)
		})
	}
}

// Without namespaces an orphan can only get away when node and shim are killed
// together; then it carries the node's mark still.
func TestNode_NextStartEndsWhatGotAway(t *testing.T) {
	cmd, dir, lock := startVictim(t, shim.Bare)
	killed := append(children(t, cmd.Process.Pid), cmd.Process.Pid)
	for _, pid := range killed { // the orphan itself is no child of these
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range killed {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = cmd.Wait()
	if !locked(lock) {
		t.Fatal("the orphan is gone already; this test shows nothing")
	}
	n, err := New(config(fake.NewClientset(), dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.prepare(); err != nil {
		t.Fatal(err)
	}
	defer n.keeper.Close()
	awaitUnlocked(t, lock)
	if entries, err := os.ReadDir(n.podsDir()); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// children are the keeper of a node and its shims.
func children(t *testing.T, node int) []int {
	t.Helper()
	var found []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	parents := []int{node}
	for range 2 { // keeper, then shims
		var next []int
		for _, e := range entries {
			pid := 0
			for _, r := range e.Name() {
				if r < '0' || r > '9' {
					pid = 0
					break
				}
				pid = pid*10 + int(r-'0')
			}
			_, parent, _, ok := shim.Stat(pid)
			for _, p := range parents {
				if ok && parent == p && strings.HasPrefix(cmdline(pid), "sluice-") {
					next = append(next, pid)
				}
			}
		}
		found = append(found, next...)
		parents = next
	}
	return found
}

func cmdline(pid int) string {
	data, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return string(data)
}
