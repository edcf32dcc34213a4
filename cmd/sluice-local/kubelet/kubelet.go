package kubelet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/child"
)

// Config of a node's two parts; every field is required.
type Config struct {
	// Dir keeps what they write: volumes, state, configuration.
	Dir string
	// LogDir is the folder of their logs.
	LogDir string
	// Name is the node's name; IP its address, where the kubelet's API is.
	Name, IP string
	// Kubeconfig and ProxyKubeconfig are their credentials.
	Kubeconfig, ProxyKubeconfig string
	// CertFile and KeyFile are what the kubelet's API shows, ClientCAFile the
	// authority of those that it obeys: the API server alone.
	CertFile, KeyFile, ClientCAFile string
	// Endpoint is the container runtime's socket.
	Endpoint string
	// DNS is the address that pods ask for names.
	DNS string
	// Pods is the network of the pods.
	Pods string
}

// Port is where the kubelet's API is.
const Port = 10250

// maxPods is how many pods the node takes; it has addresses for far more.
const maxPods = 1000

// qps and burst bound the kubelet's requests; its defaults (50, 100) would hold
// back a burst of pods, and there is nobody else to be fair to.
const qps, burst = 1000, 2000

// resolvConfs are where a machine lists its name servers; the first is the one
// without the machine's own stub, which pods cannot reach.
var resolvConfs = []string{"/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"}

// ResolvConf is the machine's list of name servers, "" if it has none.
func ResolvConf() string {
	for _, path := range resolvConfs {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Kubelet is the kubelet's process.
func Kubelet(c Config) (child.Process, error) {
	text, err := json.Marshal(settings(c))
	if err != nil {
		return child.Process{}, fmt.Errorf("kubelet: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return child.Process{}, fmt.Errorf("kubelet: %w", err)
	}
	path := filepath.Join(c.Dir, "kubelet.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return child.Process{}, fmt.Errorf("kubelet: %w", err)
	}
	p := child.Self(kubeletName,
		"--config="+path, "--kubeconfig="+c.Kubeconfig, "--root-dir="+filepath.Join(c.Dir, "root"),
		"--cert-dir="+filepath.Join(c.Dir, "pki"), "--hostname-override="+c.Name, "--node-ip="+c.IP)
	p.Log = filepath.Join(c.LogDir, "kubelet.log")
	return p, nil
}

// settings is the kubelet's configuration. Control groups are containers' alone
// (their limits hold; there are none around pods), so that it runs in a machine
// within a machine too, with either version of control groups.
func settings(c Config) *kubeletconfig.KubeletConfiguration {
	no, yes := false, true
	return &kubeletconfig.KubeletConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: kubeletconfig.SchemeGroupVersion.String(), Kind: "KubeletConfiguration"},
		Address:  c.IP, Port: Port, HealthzPort: ptr[int32](0),
		TLSCertFile: c.CertFile, TLSPrivateKeyFile: c.KeyFile,
		Authentication: kubeletconfig.KubeletAuthentication{
			Anonymous: kubeletconfig.KubeletAnonymousAuthentication{Enabled: &no},
			Webhook:   kubeletconfig.KubeletWebhookAuthentication{Enabled: &no},
			X509:      kubeletconfig.KubeletX509Authentication{ClientCAFile: c.ClientCAFile},
		},
		Authorization: kubeletconfig.KubeletAuthorization{Mode: kubeletconfig.KubeletAuthorizationModeAlwaysAllow},

		ContainerRuntimeEndpoint: c.Endpoint,
		CgroupDriver:             "cgroupfs", CgroupsPerQOS: &no, EnforceNodeAllocatable: []string{"none"},
		FailCgroupV1: &no, FailSwapOn: &no, OOMScoreAdj: ptr[int32](0),
		LocalStorageCapacityIsolation: &no,

		ClusterDNS: []string{c.DNS}, ClusterDomain: "cluster.local", ResolverConfig: ptr(ResolvConf()),
		PodLogsDir: filepath.Join(c.Dir, "logs"), VolumePluginDir: filepath.Join(c.Dir, "plugins"),
		// kube-proxy keeps its own chains.
		MakeIPTablesUtilChains: &no,

		MaxPods: maxPods, KubeAPIQPS: ptr[int32](qps), KubeAPIBurst: burst, EventRecordQPS: ptr[int32](0),
		RegistryPullQPS: ptr[int32](0), SerializeImagePulls: &no,
		// Somebody's own disk may be fuller than a server's; nothing is evicted or
		// collected for that.
		EvictionHard:                map[string]string{"memory.available": "50Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
		ImageGCHighThresholdPercent: ptr[int32](100),
		SyncFrequency:               metav1.Duration{Duration: time.Minute},
		EnableServer:                &yes, EnableDebuggingHandlers: &yes,
	}
}

func ptr[T any](v T) *T { return &v }
