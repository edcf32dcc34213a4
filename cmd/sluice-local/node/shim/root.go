package shim

import (
	"fmt"
	"os"
	"syscall"
)

// Names within Spec.Dir. They are used relative to it, so that no path, however
// long or oddly spelt, has to fit into a mount's options.
const (
	lowerName  = "lower"
	upperName  = "upper"
	workName   = "work"
	mergedName = "merged"
)

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// enterRoot makes the container's root and enters it. Targets of mounts are
// looked up inside of the new root: a symbolic link in an image never leads out.
func enterRoot(spec *Spec) error {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := mountRoot(spec); err != nil {
		return err
	}
	trees, err := takeTrees(spec.Mounts)
	if err != nil {
		return err
	}
	machine := takeMachine()
	if err := pivot(spec.Merged()); err != nil {
		return err
	}
	if err := machine.attach(); err != nil {
		return err
	}
	for i, m := range spec.Mounts {
		if err := attachAt(trees[i], m.Target); err != nil {
			return err
		}
	}
	return finishRoot(spec)
}

// mountRoot puts the image's files at Dir/merged.
func mountRoot(spec *Spec) error {
	if err := os.Chdir(spec.Dir); err != nil {
		return err
	}
	for _, d := range []string{upperName, workName, mergedName} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if spec.Mode == Copy {
		// The node has copied the files; only a mount can become the root.
		return syscall.Mount(mergedName, mergedName, "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	if err := os.Symlink(spec.Lower, lowerName); err != nil && !os.IsExist(err) {
		return err
	}
	options := "lowerdir=" + lowerName + ",upperdir=" + upperName + ",workdir=" + workName
	if ownsOneIdentity() {
		options += ",userxattr"
	}
	// volatile: what a container wrote need not survive the machine's fall.
	if syscall.Mount("overlay", mergedName, "overlay", 0, options+",volatile") == nil {
		return nil
	}
	if err := syscall.Mount("overlay", mergedName, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount overlay of %s: %w", spec.Lower, err)
	}
	return nil
}

func takeTrees(mounts []Mount) ([]tree, error) {
	trees := make([]tree, len(mounts))
	for i, m := range mounts {
		t, err := takeTree(m.Source)
		if err == nil && m.ReadOnly {
			err = t.readOnly()
		}
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.Target, err)
		}
		trees[i] = t
	}
	return trees, nil
}

func attachAt(t tree, target string) error {
	if err := mountPoint(target, t.isDir()); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return t.attach(target)
}

// pivot makes dir the root and forgets the old one.
func pivot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the old root: %w", err)
	}
	return os.Chdir("/")
}

// finishRoot does what comes after every mount is in place.
func finishRoot(spec *Spec) error {
	if err := os.MkdirAll("/tmp", 0o777|os.ModeSticky); err != nil && !os.IsExist(err) {
		return err
	}
	if dir := spec.Command.Dir; dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("working directory %s: %w", dir, err)
		}
	}
	if spec.Hostname != "" {
		if err := syscall.Sethostname([]byte(spec.Hostname)); err != nil {
			return fmt.Errorf("set hostname: %w", err)
		}
	}
	if spec.ReadOnlyRoot {
		return setReadOnly(atFDCWD, "/", 0)
	}
	return nil
}
