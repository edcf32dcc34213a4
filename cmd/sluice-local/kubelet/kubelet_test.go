package kubelet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"
)

// What is written must be what the kubelet of this very version reads, and
// finds nothing wrong with.
func TestKubelet_WritesWhatTheKubeletAccepts(t *testing.T) {
	dir := t.TempDir()
	p, err := Kubelet(Config{
		Dir: dir, LogDir: dir, Name: "local", IP: "10.245.0.1", CertFile: "a", KeyFile: "b", ClientCAFile: "c",
		Endpoint: "unix:///x.sock", DNS: "10.245.0.1", Kubeconfig: "k",
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kubelet.json")
	if p.Args[0] != kubeletName || !slices.Contains(p.Args, "--config="+path) {
		t.Errorf("arguments %v", p.Args)
	}
	loader, err := configfiles.NewFsLoader(&utilfs.DefaultFs{}, path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := validation.ValidateKubeletConfiguration(read, utilfeature.DefaultFeatureGate); err != nil {
		t.Error(err)
	}
	if err := options.ValidateKubeletFlags(options.NewKubeletFlags()); err != nil {
		t.Error(err)
	}
	if read.ReadOnlyPort != 0 || read.Authentication.Anonymous.Enabled || read.Address != "10.245.0.1" {
		t.Errorf("open to others: %+v", read.Authentication)
	}
	text, err := os.ReadFile(path)
	if err != nil || !json.Valid(text) {
		t.Error(err)
	}
}

func TestRemoveLinks_LeavesThoseOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "containers")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"ours": "/c/kubelet/logs/x", "theirs": "/c/kubelet-2/logs/x"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeLinks(dir, "/c/kubelet"); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "theirs" {
		t.Errorf("left: %v, %v", left, err)
	}
	for range 2 {
		if err := removeLinks(dir, "/c/kubelet-2"); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("an empty folder is left: %v", err)
	}
}
