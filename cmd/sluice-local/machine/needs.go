package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// need is a program and the Debian package that has it.
type need struct{ program, pkg string }

// programs are searched for in PATH and in the folders for root.
var programs = []need{
	{"containerd", "containerd"}, {"containerd-shim-runc-v2", "containerd"}, {"runc", "runc"},
	{"iptables-save", "iptables"}, {"iptables-restore", "iptables"}, {"conntrack", "conntrack"},
}

// plugins are what sets up a pod's network.
var plugins = []string{"loopback", "ptp", "host-local"}

const pluginPackage = "containernetworking-plugins"

// pluginDirs are where network plugins are installed: Debian's place and that
// of everybody else.
var pluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// rootPath is where programs for root are, whatever PATH says.
const rootPath = "/usr/local/sbin:/usr/sbin:/sbin"

// Tools is what was found on the machine.
type Tools struct {
	// Containerd is the path of containerd, Plugins the folder of the network
	// plugins.
	Containerd, Plugins string
}

// Find looks for everything that a node with containers needs. It widens this
// process's PATH by the folders for root: containerd and the kubelet search
// there too.
func Find() (Tools, error) {
	if os.Geteuid() != 0 {
		return Tools{}, errors.New("--node kubelet needs root: containers, mounts and addresses are made; run it with sudo, or use --node process")
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+":"+rootPath); err != nil {
		return Tools{}, err
	}
	t := Tools{}
	var missing []need
	for _, n := range programs {
		path, err := exec.LookPath(n.program)
		if err != nil {
			missing = append(missing, n)
		}
		if n.program == "containerd" {
			t.Containerd = path
		}
	}
	t.Plugins = findPlugins(pluginDirs)
	if t.Plugins == "" {
		missing = append(missing, need{"the network plugins " + strings.Join(plugins, ", "), pluginPackage})
	}
	return t, complain(missing)
}

// findPlugins is the first folder that has all plugins.
func findPlugins(dirs []string) string {
	for _, dir := range dirs {
		if !slices.ContainsFunc(plugins, func(p string) bool {
			_, err := os.Stat(filepath.Join(dir, p))
			return err != nil
		}) {
			return dir
		}
	}
	return ""
}

// complain names what is missing and the line that installs it.
func complain(missing []need) error {
	if len(missing) == 0 {
		return nil
	}
	var names, packages []string
	for _, n := range missing {
		names, packages = append(names, n.program), append(packages, n.pkg)
	}
	slices.Sort(packages)
	return fmt.Errorf("--node kubelet: this machine lacks %s; on Debian:\n  apt-get install --no-install-recommends %s\nor use --node process, which needs nothing",
		strings.Join(names, ", "), strings.Join(slices.Compact(packages), " "))
}
