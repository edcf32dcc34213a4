package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// spaces are where containerd pins the network namespaces of pods.
const spaces = "/run/netns/cni-*"

// RemoveSpaces removes the network namespaces of pods that are left: those that
// have an address of the pods' network. Their links go with them.
func RemoveSpaces() error {
	paths, err := filepath.Glob(spaces)
	errs := []error{err}
	for _, path := range paths {
		if !isPodSpace(path) {
			continue
		}
		if err := errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)); err != nil {
			errs = append(errs, fmt.Errorf("network namespace: %w", err))
		}
	}
	return errors.Join(errs...)
}

func isPodSpace(path string) bool {
	space, err := netns.GetFromPath(path)
	if err != nil {
		return false
	}
	defer space.Close()
	within, err := netlink.NewHandleAt(space, unix.NETLINK_ROUTE)
	if err != nil {
		return false
	}
	defer within.Close()
	addrs, err := within.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return false
	}
	return anyOfPods(addrs)
}

// anyOfPods reports whether an address is of the pods' network.
func anyOfPods(addrs []netlink.Addr) bool {
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP.To4()); ok && Pods.Contains(ip) {
			return true
		}
	}
	return false
}
