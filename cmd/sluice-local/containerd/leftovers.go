package containerd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where the kernel shows control groups; criGroup is the name of
// the one that containers' groups are in.
const (
	cgroupRoot = "/sys/fs/cgroup"
	criGroup   = "k8s.io"
)

// Unmount takes down every mount at or below a folder, the innermost first.
func Unmount(dir string) error {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	var errs []error
	for _, point := range mountsBelow(string(table), dir) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// escapes is how the kernel writes what would end a field.
var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountsBelow reads a table such as /proc/mounts; the last mounted is first.
func mountsBelow(table, dir string) []string {
	var points []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if point := escapes.Replace(fields[1]); point == dir || strings.HasPrefix(point, dir+"/") {
			points = append(points, point)
		}
	}
	slices.Reverse(points)
	return points
}

// RemoveGroups removes the containers' control groups, in every hierarchy.
// Those that still hold a process stay.
func RemoveGroups() error {
	hierarchies := []string{cgroupRoot}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			hierarchies = append(hierarchies, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	var errs []error
	for _, h := range hierarchies {
		errs = append(errs, removeTree(filepath.Join(h, criGroup)))
	}
	return errors.Join(errs...)
}

// removeTree removes groups from the innermost up: the files in them cannot be
// removed and need not be.
func removeTree(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	errs := []error{err}
	for _, dir := range slices.Backward(dirs) {
		if err := unix.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("control group %s: %w", dir, err))
		}
	}
	return errors.Join(errs...)
}

// fixedDirs are folders that containerd, its shims and the network library make
// wherever their own are, inner ones first.
var fixedDirs = []string{"/run/containerd/runc/k8s.io", "/run/containerd/runc", "/run/containerd/s", "/run/containerd", "/var/lib/cni/results", "/var/lib/cni"}

// RemoveDead removes what killed shims left in fixed folders: their sockets,
// runc's notes about containers of the containerd in a folder, and the network
// library's about pods of our network.
func RemoveDead(dir string) error {
	return errors.Join(removeSockets("/run/containerd/s"), removeNotes("/run/containerd/runc/k8s.io", dir), removeResults("/var/lib/cni/results"))
}

// removeResults removes the notes about pods of our network, one for each of
// their two links.
func removeResults(dir string) error {
	return each(dir, func(path string) error {
		pod, ours := strings.CutPrefix(filepath.Base(path), networkName+"-")
		if !ours {
			return nil
		}
		loopback := filepath.Join(dir, "cni-loopback-"+strings.TrimSuffix(pod, "-eth0")+"-lo")
		return errors.Join(os.Remove(path), os.RemoveAll(loopback))
	})
}

// removeSockets removes sockets at which nobody listens.
func removeSockets(dir string) error {
	return each(dir, func(path string) error {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn.Close()
		}
		if errors.Is(err, unix.ECONNREFUSED) {
			return os.Remove(path)
		}
		return nil
	})
}

// removeNotes removes runc's notes about containers with a bundle below dir.
func removeNotes(notes, dir string) error {
	return each(notes, func(path string) error {
		state, err := os.ReadFile(filepath.Join(path, "state.json"))
		if err != nil || !bytes.Contains(state, []byte(`"bundle=`+dir+"/")) {
			return nil
		}
		return os.RemoveAll(path)
	})
}

// each does something with whatever is in a folder, if there is one.
func each(dir string, do func(path string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, do(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// RemoveEmpty removes those of containerd's fixed folders in which nothing is.
func RemoveEmpty() {
	for _, dir := range fixedDirs {
		_ = unix.Rmdir(dir) // one that is in use has something in it
	}
}
