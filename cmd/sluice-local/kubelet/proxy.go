package kubelet

import (
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/child"
)

// Proxy is kube-proxy's process. It leaves the machine's settings for
// connection tracking as they are, opens no port, and serves no node ports on
// loopback, for which it would change the machine's routing.
func Proxy(c Config) child.Process {
	p := child.Self(proxyName,
		"--kubeconfig="+c.ProxyKubeconfig, "--hostname-override="+c.Name,
		"--proxy-mode=iptables", "--cluster-cidr="+c.Pods,
		"--iptables-localhost-nodeports=false", "--iptables-min-sync-period=50ms",
		"--conntrack-max-per-core=0", "--conntrack-min=0",
		"--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
		"--healthz-bind-address=", "--metrics-bind-address=", "--kube-api-qps=100", "--kube-api-burst=200")
	p.Log = filepath.Join(c.LogDir, "kube-proxy.log")
	return p
}
