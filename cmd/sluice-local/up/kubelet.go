package up

import (
	"context"
	"net"
	"path/filepath"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/containerd"
	"github.com/sluice-dev/sluice/cmd/sluice-local/dns"
	"github.com/sluice-dev/sluice/cmd/sluice-local/kubelet"
	"github.com/sluice-dev/sluice/cmd/sluice-local/network"
	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// startKubeletNode starts what a node with real containers consists of.
func (s *session) startKubeletNode(ctx context.Context) error {
	runtime, err := s.startContainerd(ctx)
	if err != nil {
		return err
	}
	cfg, err := s.kubeletConfig(runtime)
	if err != nil {
		return err
	}
	if s.usage, err = s.kubeletUsage(); err != nil {
		return err
	}
	process, err := kubelet.Kubelet(cfg)
	if err != nil {
		return err
	}
	s.stack.Push(ctx, stack.Component{Name: "kubelet", Grace: 5 * time.Second, Run: process.Run})
	s.stack.Push(ctx, stack.Component{Name: "kube-proxy", Grace: 5 * time.Second, Run: kubelet.Proxy(cfg).Run})
	return s.startDNS(ctx)
}

// startContainerd starts containerd and returns when it can run pods.
func (s *session) startContainerd(ctx context.Context) (*containerd.Runtime, error) {
	pause, err := s.pauseImage(ctx)
	if err != nil {
		return nil, err
	}
	return s.takePods(ctx, pause)
}

// takePods starts containerd, with whatever pods a killed run left. When the
// cluster ends, the pods end after the kubelet, which would start them again,
// and before containerd.
func (s *session) takePods(ctx context.Context, pause string) (*containerd.Runtime, error) {
	runtime, err := containerd.New(containerd.Config{
		Dir: containerdDir(s.Dir), Program: s.machine.tools.Containerd, Plugins: s.machine.tools.Plugins,
		Pods: network.Pods, Host: registry.Host, Registry: s.claim.Block.Registry().String(),
		Pause: pause, Log: filepath.Join(s.Dir, "log", "containerd.log"),
	})
	if err != nil {
		return nil, err
	}
	s.stack.Push(ctx, stack.Component{Name: "containerd", Grace: 5 * time.Second, Run: runtime.Run})
	if err := runtime.Ready(ctx); err != nil {
		return nil, err
	}
	s.stack.Push(ctx, stack.Component{Name: "pods", Grace: 30 * time.Second, Run: func(ctx context.Context) error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 25*time.Second)
		defer cancel()
		if err := runtime.RemovePods(ending); err != nil {
			s.log.Error("pods are left", "error", err)
		}
		return nil
	}})
	return runtime, nil
}

// pauseImage makes the image that holds pods together; its name changes with
// its content.
func (s *session) pauseImage(ctx context.Context) (string, error) {
	source := containerd.PauseSource()
	hash, err := hashFiles(source)
	if err != nil {
		return "", err
	}
	tag := "pause:" + hash[:12]
	name, err := registry.LocalName(tag)
	if err != nil {
		return "", err
	}
	return name, buildImage(ctx, source, tag, s.images)
}

// kubeletConfig issues the node's credentials.
func (s *session) kubeletConfig(runtime *containerd.Runtime) (kubelet.Config, error) {
	const user = "system:node:" + nodeName
	cfg := kubelet.Config{
		Dir: kubeletDir(s.Dir), LogDir: filepath.Join(s.Dir, "log"), Name: nodeName, IP: network.Node.String(),
		Kubeconfig: filepath.Join(s.Dir, "pki", "kubelet.kubeconfig"), ProxyKubeconfig: filepath.Join(s.Dir, "pki", "kube-proxy.kubeconfig"),
		ClientCAFile: s.nodeCA.CAFile(), Endpoint: runtime.Endpoint(), DNS: network.Node.String(), Pods: network.Pods.String(),
	}
	var err error
	cfg.CertFile, cfg.KeyFile, err = s.ca.Files("kubelet", pki.Identity{Name: user, DNS: []string{nodeName}, IPs: []net.IP{network.Node.AsSlice()}})
	if err != nil {
		return cfg, err
	}
	if err := s.ca.Kubeconfig(cfg.Kubeconfig, s.cluster.Server(), pki.Identity{Name: user, Group: "system:nodes"}); err != nil {
		return cfg, err
	}
	return cfg, s.ca.Kubeconfig(cfg.ProxyKubeconfig, s.cluster.Server(), pki.Identity{Name: "system:kube-proxy"})
}

// startDNS answers the names of the cluster once it knows them.
func (s *session) startDNS(ctx context.Context) error {
	upstream, err := dns.Upstream(kubelet.ResolvConf())
	if err != nil {
		return err
	}
	names, err := dns.NewWatch(s.cluster.Client())
	if err != nil {
		return err
	}
	server := dns.New(dns.Config{Source: names, UDP: s.machine.dnsUDP, TCP: s.machine.dnsTCP, Upstream: upstream, Log: s.log})
	s.stack.Push(ctx, stack.Component{Name: "names", Run: names.Run})
	if err := names.Synced(ctx); err != nil {
		return err
	}
	s.stack.Push(ctx, stack.Component{Name: "dns", Run: server.Run})
	return nil
}
