package containerd

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"
)

// Config of a Runtime; every field is required.
type Config struct {
	// Dir keeps everything but the log; its path must be short enough for a
	// unix socket in it.
	Dir string
	// Program is the path of containerd, Plugins the folder of network plugins.
	Program, Plugins string
	// Pods is where pods get their addresses from.
	Pods netip.Prefix
	// Registry is the host:port of the registry that Host means.
	Host, Registry string
	// Pause is the name of the image that holds a pod's namespaces.
	Pause string
	// Log is the file that containerd writes to.
	Log string
}

// maxSocket is how long the path of a unix socket may be.
const maxSocket = 107

func (c Config) socket() string { return filepath.Join(c.Dir, "containerd.sock") }

// validate refuses a folder that no socket can be made in.
func (c Config) validate() error {
	if n := len(c.socket() + ".ttrpc"); n > maxSocket {
		return fmt.Errorf("--dir: the path of a unix socket in it would have %d bytes and may have %d; choose a shorter one", n, maxSocket)
	}
	return nil
}

// settings is containerd's configuration file. Of the plugins those are off
// that this machine may not have or that would write outside of the folder.
var settings = template.Must(template.New("").Parse(`version = 2
root = "{{.Dir}}/root"
state = "{{.Dir}}/state"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{{.Socket}}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{{.Pause}}"
  # The score may not be lowered without CAP_SYS_RESOURCE, which a machine in a
  # machine often lacks.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{{.Plugins}}"
    conf_dir = "{{.Dir}}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{{.Dir}}/registries"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`))

// networkName is what notes about pods of the network are named after.
const networkName = "sluice"

// network is the pods' network: a link of its own for each pod, routed by the
// machine. No bridge and no masquerading, so no rules that are written per pod.
var network = template.Must(template.New("").Parse(`{"cniVersion": "0.4.0", "name": "{{.Name}}", "plugins": [{
  "type": "ptp", "ipMasq": false,
  "ipam": {"type": "host-local", "dataDir": "{{.Dir}}/addresses", "ranges": [[{"subnet": "{{.Pods}}"}]], "routes": [{"dst": "0.0.0.0/0"}]}
}]}
`))

// mirror says where the images of a registry are.
var mirror = template.Must(template.New("").Parse(`server = "http://{{.Registry}}"
[host."http://{{.Registry}}"]
  capabilities = ["pull", "resolve"]
`))

// write lays out the folder and returns the configuration file's path.
func (c Config) write() (string, error) {
	path := filepath.Join(c.Dir, "config.toml")
	for _, f := range []struct {
		path string
		text *template.Template
	}{
		{path, settings},
		{filepath.Join(c.Dir, "cni", "10-sluice.conflist"), network},
		{filepath.Join(c.Dir, "registries", c.Host, "hosts.toml"), mirror},
	} {
		var b bytes.Buffer
		if err := f.text.Execute(&b, struct {
			Config
			Socket, Name string
		}{c, c.socket(), networkName}); err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(f.path, b.Bytes(), 0o644); err != nil {
			return "", err
		}
	}
	return path, nil
}
