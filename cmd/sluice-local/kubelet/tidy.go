package kubelet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// linksDir is where the kubelet links the logs of containers, wherever they are.
const linksDir = "/var/log/containers"

// pluginSocket is where the kubelet listens for device plugins, wherever its
// own folder is.
const pluginSocket = "/var/lib/kubelet/device-plugins/kubelet.sock"

// Tidy removes what the kubelet keeps outside of its folder: a socket, and the
// links to logs below that folder; and the folders of these if nothing else is
// in them.
func Tidy(below string) error {
	if err := os.Remove(pluginSocket); err == nil {
		_ = os.Remove(filepath.Dir(pluginSocket))               // other plugins may be in it
		_ = os.Remove(filepath.Dir(filepath.Dir(pluginSocket))) // so may be another kubelet's state
	}
	return removeLinks(linksDir, below)
}

func removeLinks(dir, below string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	left := len(entries)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, below+"/") {
			errs = append(errs, os.Remove(path))
			left--
		}
	}
	if left == 0 {
		errs = append(errs, os.Remove(dir))
	}
	return errors.Join(errs...)
}
