package up

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/procfs"

	"github.com/sluice-dev/sluice/cmd/sluice-local/kubelet"
	"github.com/sluice-dev/sluice/cmd/sluice-local/network"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node"
	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
	"github.com/sluice-dev/sluice/cmd/sluice-local/usage"
)

// serveUsage answers what pods use.
func (s *session) serveUsage(ctx context.Context) error {
	cert, err := s.ca.TLS(pki.Identity{Name: "usage", DNS: []string{usage.DNSName}})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", netip.AddrPortFrom(s.claim.Block.IP(), 0).String())
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	s.usageAt = l.Addr().(*net.TCPAddr).AddrPort()
	server := usage.New(usage.Config{
		Source: s.usage, Client: s.cluster.Client(), Listener: l, Cert: cert, Clients: s.frontCA.Pool(), Log: s.log,
	})
	s.stack.Push(ctx, stack.Component{Name: "usage", Run: func(ctx context.Context) error {
		err := server.Run(ctx)
		if ctx.Err() != nil {
			s.forgetUsage(ctx)
		}
		return err
	}})
	return nil
}

// forgetUsage takes the answers out of the cluster's API again: the next run of
// the cluster is not to begin with an API that nobody serves.
func (s *session) forgetUsage(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := usage.Forget(ctx, s.cluster.Admin()); err != nil {
		s.log.Warn("the metrics API is still registered", "error", err)
	}
}

// registerUsage makes those answers part of the cluster's API.
func (s *session) registerUsage(ctx context.Context) error {
	at := netip.AddrPortFrom(s.usageAt.Addr().Unmap(), s.usageAt.Port())
	return usage.Register(ctx, s.cluster.Admin(), at, s.ca.CAPEM())
}

// kubeletUsage asks the kubelet, as the API server does.
func (s *session) kubeletUsage() (usage.Source, error) {
	cert, err := s.nodeCA.TLS(pki.Identity{Name: "usage"})
	if err != nil {
		return nil, err
	}
	return usage.Kubelet{
		URL: fmt.Sprintf("https://%s", netip.AddrPortFrom(network.Node, kubelet.Port)),
		Client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: s.ca.Pool(), MinVersion: tls.VersionTLS12},
			IdleConnTimeout: time.Minute, MaxIdleConns: 1,
		}},
	}, nil
}

// processUsage counts what pods that are processes use.
type processUsage struct{ node *node.Node }

// Read counts for the node what the whole machine uses: it is shared.
func (u processUsage) Read(context.Context) (usage.Reading, error) {
	r := usage.Reading{Node: nodeName, Containers: map[usage.Container]usage.Use{}}
	at := time.Now()
	all, err := u.node.Usage()
	if err != nil {
		return r, err
	}
	for _, c := range all {
		r.Containers[usage.Container{Namespace: c.Namespace, Pod: c.Pod, Name: c.Container}] = usage.Use{
			Since: c.Started, At: at, CPU: c.CPU, Memory: c.Resident,
		}
	}
	r.Machine, err = machineUse(at)
	return r, err
}

// machineUse is the machine's CPU time since it was booted, and the memory that
// could not be had at once.
func machineUse(at time.Time) (usage.Use, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return usage.Use{}, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return usage.Use{}, err
	}
	memory, err := fs.Meminfo()
	if err != nil {
		return usage.Use{}, err
	}
	c := stat.CPUTotal
	busy := c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ + c.Steal // guests are in User
	use := usage.Use{Since: time.Unix(int64(stat.BootTime), 0), At: at, CPU: time.Duration(busy * float64(time.Second))}
	if memory.MemTotalBytes != nil && memory.MemAvailableBytes != nil {
		use.Memory = int64(*memory.MemTotalBytes) - int64(*memory.MemAvailableBytes)
	}
	return use, nil
}
