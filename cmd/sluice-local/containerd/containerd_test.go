package containerd

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestNew_RefusesAFolderThatIsTooDeep(t *testing.T) {
	_, err := New(Config{Dir: "/" + strings.Repeat("deep/", 20)})
	if err == nil || !strings.Contains(err.Error(), "--dir") || !strings.Contains(err.Error(), "may have 107") {
		t.Errorf("error = %v", err)
	}
}

func TestNew_WritesWhatContainerdReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	_, err := New(Config{
		Dir: dir, Program: "containerd", Plugins: "/cni", Pods: netip.MustParsePrefix("10.9.0.0/16"),
		Host: "local.dev", Registry: "127.9.0.1:5000", Pause: "local.dev/pause:1",
	})
	if err != nil {
		t.Skip(err) // the test's own folder may be too deep for a socket
	}
	for file, want := range map[string]string{
		"config.toml":                     `sandbox_image = "local.dev/pause:1"`,
		"cni/10-sluice.conflist":          `{"subnet": "10.9.0.0/16"}`,
		"registries/local.dev/hosts.toml": `[host."http://127.9.0.1:5000"]`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
}

func TestMountsBelow_InnermostFirst(t *testing.T) {
	const table = "proc /proc proc rw 0 0\ntmpfs /a/b tmpfs rw 0 0\noverlay /a/b/with\\040space overlay rw 0 0\ntmpfs /a/bc tmpfs rw 0 0\ntmpfs /a/b tmpfs rw 0 0\n"
	want := []string{"/a/b", "/a/b/with space", "/a/b"}
	if diff := cmp.Diff(want, mountsBelow(table, "/a/b")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRemoveTree_FromTheInnermostUp(t *testing.T) {
	root := filepath.Join(t.TempDir(), "k8s.io")
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := removeTree(root); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(root); !os.IsNotExist(err) {
			t.Errorf("still there: %v", err)
		}
	}
}

func TestRemoveDead_IsOursAndDead(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("results/sluice-a1-eth0", "")
	put("results/cni-loopback-a1-lo", "")
	put("results/cni-loopback-b2-lo", "")
	put("notes/ours/state.json", `{"labels":["bundle=/c/state/x"]}`)
	put("notes/theirs/state.json", `{"labels":["bundle=/cc/state/x"]}`)
	if err := os.Mkdir(filepath.Join(root, "s"), 0o755); err != nil {
		t.Fatal(err)
	}
	alive, err := net.Listen("unix", filepath.Join(root, "s", "alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(root, "s", "dead"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	in := func(dir string) string { return filepath.Join(root, dir) }
	if err := errors.Join(removeResults(in("results")), removeNotes(in("notes"), "/c"), removeSockets(in("s")), removeSockets(in("none"))); err != nil {
		t.Error(err)
	}
	var left []string
	for _, dir := range []string{"results", "notes", "s"} {
		if err := each(in(dir), func(path string) error { left = append(left, filepath.Base(path)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"cni-loopback-b2-lo", "theirs", "alive"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

func TestNotReady_NamesTheCondition(t *testing.T) {
	s := &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
		{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Reason: "NetworkPluginNotReady", Message: "no network config"},
	}}
	if err := notReady(s); err == nil || !strings.Contains(err.Error(), "NetworkReady: NetworkPluginNotReady no network config") {
		t.Errorf("error = %v", err)
	}
	s.Conditions[1].Status = true
	if err := notReady(s); err != nil {
		t.Error(err)
	}
}
