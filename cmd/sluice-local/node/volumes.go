package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// volume is a volume of a pod, made.
type volume struct {
	path     string // on the machine
	readOnly bool   // whatever the mount says
}

// makeVolumes makes every volume of a pod below dir, or refreshes those made
// from the API. The time is when to come again; zero is only when something changes.
func makeVolumes(ctx context.Context, dir string, pod *corev1.Pod, c composer) (map[string]volume, time.Time, error) {
	made := make([]volume, len(pod.Spec.Volumes))
	composers := make([]composer, len(made))
	var group errgroup.Group
	for i := range pod.Spec.Volumes {
		composers[i] = c
		group.Go(func() error {
			v := &pod.Spec.Volumes[i]
			var err error
			made[i], err = makeVolume(ctx, filepath.Join(dir, v.Name), v, &composers[i])
			if err != nil {
				return fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", v.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, time.Time{}, err
	}
	volumes := map[string]volume{}
	var refresh time.Time
	for i, v := range made {
		volumes[pod.Spec.Volumes[i].Name] = v
		if at := composers[i].refresh; !at.IsZero() && (refresh.IsZero() || at.Before(refresh)) {
			refresh = at
		}
	}
	return volumes, refresh, nil
}

func makeVolume(ctx context.Context, dir string, v *corev1.Volume, c *composer) (volume, error) {
	switch {
	case v.EmptyDir != nil:
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return volume{}, err
		}
		return volume{path: dir}, os.Chmod(dir, 0o777)
	case v.HostPath != nil:
		return hostPath(v.HostPath)
	}
	p, err := c.compose(ctx, v)
	if err != nil {
		return volume{}, err
	}
	if p == nil {
		return volume{}, errors.New("the process node has no volumes of this kind; " +
			"use emptyDir, configMap, secret, projected, downwardAPI or hostPath")
	}
	return volume{path: dir, readOnly: true}, writePayload(dir, p, time.Now())
}

// hostPath checks, and if its type says so makes, a path of the machine.
func hostPath(h *corev1.HostPathVolumeSource) (volume, error) {
	kind := or(h.Type, corev1.HostPathUnset)
	switch kind {
	case corev1.HostPathDirectoryOrCreate:
		if err := os.MkdirAll(h.Path, 0o755); err != nil {
			return volume{}, err
		}
	case corev1.HostPathFileOrCreate:
		f, err := os.OpenFile(h.Path, os.O_CREATE, 0o644)
		if err != nil {
			return volume{}, err
		}
		_ = f.Close()
	}
	path, err := filepath.EvalSymlinks(h.Path)
	if err != nil {
		return volume{}, fmt.Errorf("hostPath: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return volume{}, fmt.Errorf("hostPath: %w", err)
	}
	if !fits(kind, info.Mode()) {
		return volume{}, fmt.Errorf("hostPath type check failed: %s is not a %s", h.Path, kind)
	}
	return volume{path: path}, nil
}

func fits(kind corev1.HostPathType, mode os.FileMode) bool {
	switch kind {
	case corev1.HostPathDirectory, corev1.HostPathDirectoryOrCreate:
		return mode.IsDir()
	case corev1.HostPathFile, corev1.HostPathFileOrCreate:
		return mode.IsRegular()
	case corev1.HostPathSocket:
		return mode&os.ModeSocket != 0
	case corev1.HostPathCharDev:
		return mode&os.ModeCharDevice != 0
	case corev1.HostPathBlockDev:
		return mode&os.ModeDevice != 0 && mode&os.ModeCharDevice == 0
	}
	return true
}

// mountOf is a container's mount of a volume.
func mountOf(m *corev1.VolumeMount, v volume, expanded string) (shim.Mount, error) {
	source := v.path
	if m.SubPath != "" || m.SubPathExpr != "" {
		sub, err := subPath(v.path, expanded)
		if err != nil {
			return shim.Mount{}, fmt.Errorf("volume %q: subPath %q: %w", m.Name, expanded, err)
		}
		source = sub
	}
	target := m.MountPath
	if !filepath.IsAbs(target) {
		target = "/" + target
	}
	return shim.Mount{Source: source, Target: filepath.Clean(target), ReadOnly: m.ReadOnly || v.readOnly}, nil
}

// subPath is a path below a volume, which no symbolic link leads out of. A
// directory is made where there is nothing.
func subPath(volume, sub string) (string, error) {
	if !filepath.IsLocal(sub) {
		return "", errors.New("must lie within the volume")
	}
	root, err := os.OpenRoot(volume)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if _, err := root.Stat(sub); os.IsNotExist(err) {
		if err := makeLike(root, sub); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(volume, sub))
	if err != nil {
		return "", err
	}
	base, err := filepath.EvalSymlinks(volume)
	if err != nil {
		return "", err
	}
	if real != base && !strings.HasPrefix(real, base+"/") {
		return "", errors.New("a symbolic link leads out of the volume")
	}
	return real, nil
}

// makeLike makes a directory below a volume, as open to others as the volume
// itself is.
func makeLike(root *os.Root, sub string) error {
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	if err := root.MkdirAll(sub, 0o755); err != nil {
		return err
	}
	return root.Chmod(sub, info.Mode()&(fs.ModePerm|fs.ModeSticky))
}
