package kubelet

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// The names under which this program finds itself re-executed.
const (
	kubeletName = "sluice-kubelet"
	proxyName   = "sluice-kube-proxy"
)

// MaybeRun must be called in main before anything else is done. A process that
// was re-executed as a part of the node never returns from it.
func MaybeRun() {
	var part *cobra.Command
	switch os.Args[0] {
	case kubeletName:
		part = kubelet.NewKubeletCommand(context.Background())
	case proxyName:
		part = proxy.NewProxyCommand()
	default:
		return
	}
	os.Exit(cli.Run(part))
}
