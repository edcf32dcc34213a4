package up

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/containerd"
	"github.com/sluice-dev/sluice/cmd/sluice-local/kubelet"
	"github.com/sluice-dev/sluice/cmd/sluice-local/machine"
	"github.com/sluice-dev/sluice/cmd/sluice-local/network"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// containers is what a cluster with real containers has of the machine.
type containers struct {
	tools machine.Tools
	claim *machine.Claim
	link  *network.Link
	// Where the API server, the registry and the DNS serve.
	api, registry, dnsTCP net.Listener
	dnsUDP                net.PacketConn
}

// Where the API server and the registry listen on the node's address.
const (
	apiPort      = 6443
	registryPort = 5000
)

// takeMachine makes the machine a node: it is ours alone until the stack, of
// which this is the lowest floor, is unwound.
func (s *session) takeMachine(ctx context.Context) error {
	tools, err := machine.Find()
	if err != nil {
		return err
	}
	claim, err := machine.Take(s.Dir)
	if err != nil {
		return err
	}
	m := &containers{tools: tools, claim: claim}
	if !claim.Resumes { // what a killed run left is in the way, and ours
		if err := network.CheckFree(); err != nil {
			return errors.Join(err, claim.Release(true))
		}
	}
	s.stack.Push(ctx, stack.Component{Name: "machine", Grace: 15 * time.Second, Run: func(ctx context.Context) error {
		<-ctx.Done()
		if err := m.giveBack(s.Dir); err != nil {
			s.log.Error("the machine is not as it was", "error", err)
		}
		return nil
	}})
	if m.link, err = network.Up(); err != nil {
		return err
	}
	if err := network.AllowPods(); err != nil {
		return err
	}
	s.machine = m
	return m.listen(ctx)
}

// listen opens what containers reach.
func (m *containers) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	dns := netip.AddrPortFrom(network.Node, network.DNSPort).String()
	if m.api, err = lc.Listen(ctx, "tcp4", netip.AddrPortFrom(network.Node, apiPort).String()); err != nil {
		return err
	}
	if m.registry, err = lc.Listen(ctx, "tcp4", netip.AddrPortFrom(network.Node, registryPort).String()); err != nil {
		return err
	}
	if m.dnsTCP, err = lc.Listen(ctx, "tcp4", dns); err != nil {
		return err
	}
	m.dnsUDP, err = lc.ListenPacket(ctx, "udp4", dns)
	return err
}

// giveBack leaves the machine as it was found: no mount, control group, rule,
// link or name outside of the folder.
func (m *containers) giveBack(dir string) error {
	errs := []error{
		containerd.EndShims(containerdDir(dir)), containerd.RemoveDead(containerdDir(dir)),
		containerd.Unmount(containerdDir(dir)), containerd.Unmount(kubeletDir(dir)), containerd.RemoveGroups(),
		kubelet.Tidy(kubeletDir(dir)), network.CleanFilter(), network.RemoveSpaces(),
	}
	containerd.RemoveEmpty()
	if m.link != nil {
		errs = append(errs, m.link.Down())
	}
	err := errors.Join(errs...)
	return errors.Join(err, m.claim.Release(err == nil))
}

func containerdDir(dir string) string { return filepath.Join(dir, "containerd") }
func kubeletDir(dir string) string    { return filepath.Join(dir, "kubelet") }
