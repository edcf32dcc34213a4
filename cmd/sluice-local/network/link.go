package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// podLinkPrefix is how the network plugin names the machine's ends of the
// pods' links.
const podLinkPrefix = "veth"

const forwardFile = "/proc/sys/net/ipv4/ip_forward"

// Link is the node's link: a bridge that nothing is connected to. Its address
// is one of the machine, and pods reach it as they reach any.
type Link struct {
	// forward is what the machine's switch for forwarding was.
	forward []byte
}

// Up makes the link, or takes over the one that a killed run left.
func Up() (*Link, error) {
	l := &Link{}
	if err := l.up(); err != nil {
		return nil, fmt.Errorf("network: %s: %w", LinkName, err)
	}
	return l, nil
}

func (l *Link) up() (err error) {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: LinkName}}
	if err := netlink.LinkAdd(bridge); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	link, err := netlink.LinkByName(LinkName)
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(Node, 32))}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	// A machine without a default route has none for cluster IPs either.
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(Services), Src: Node.AsSlice()}
	if err := netlink.RouteReplace(route); err != nil {
		return err
	}
	if err := netlink.RouteReplace(nobody()); err != nil {
		return err
	}
	if l.forward, err = os.ReadFile(forwardFile); err != nil {
		return err
	}
	return os.WriteFile(forwardFile, []byte("1"), 0)
}

// nobody is the route to pods that are not there; one that is has a route of its
// own, which is longer. The default route must not have them: out in the world
// anybody may answer.
func nobody() *netlink.Route {
	return &netlink.Route{Dst: ipNet(Pods), Type: unix.RTN_UNREACHABLE}
}

// Down removes the link and whatever pods' links are still there.
func (l *Link) Down() error {
	errs := []error{os.WriteFile(forwardFile, l.forward, 0)}
	if err := netlink.RouteDel(nobody()); !errors.Is(err, unix.ESRCH) {
		errs = append(errs, err)
	}
	links, err := netlink.LinkList()
	errs = append(errs, err)
	for _, link := range links {
		name := link.Attrs().Name
		if name == LinkName || isPodLink(name) && leadsToPods(link) {
			errs = append(errs, netlink.LinkDel(link))
		}
	}
	return errors.Join(errs...)
}

func isPodLink(name string) bool { return strings.HasPrefix(name, podLinkPrefix) }

// leadsToPods reports whether a link has an address of the pods' network.
func leadsToPods(link netlink.Link) bool {
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	return err == nil && anyOfPods(addrs)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
