package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// Numbers of the mount calls that package syscall does not know; they are the
// same on every architecture.
const (
	sysOpenTree     = 428
	sysMoveMount    = 429
	sysFsopen       = 430
	sysFsconfig     = 431
	sysFsmount      = 432
	sysMountSetattr = 442

	atFDCWD       = -100
	atEmptyPath   = 0x1000
	atRecursive   = 0x8000
	openTreeClone = 1
	openTreeExec  = 0x80000 // close on exec
	moveFromEmpty = 4
	attrReadOnly  = 1
	attrNoSuid    = 2
	attrNoDev     = 4
	attrNoExec    = 8

	fsCloseOnExec  = 1
	fsconfigCreate = 6
)

// tree is a detached copy of a mount: it can be taken where its source is still
// visible and attached where it no longer is.
type tree int

// takeTree copies the mount that path lies in, from path downwards.
func takeTree(path string) (tree, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	at := atFDCWD
	fd, _, errno := syscall.Syscall(sysOpenTree, uintptr(at), uintptr(unsafe.Pointer(p)), openTreeClone|openTreeExec|atRecursive)
	if errno != 0 {
		return -1, fmt.Errorf("open_tree %s: %w", path, errno)
	}
	return tree(fd), nil
}

// newProc makes a proc file system for this process's namespace. It must be
// made while the machine's own is visible: the kernel compares them.
func newProc() (tree, error) {
	name, err := syscall.BytePtrFromString("proc")
	if err != nil {
		return -1, err
	}
	fs, _, errno := syscall.Syscall(sysFsopen, uintptr(unsafe.Pointer(name)), fsCloseOnExec, 0)
	if errno != 0 {
		return -1, fmt.Errorf("fsopen proc: %w", errno)
	}
	defer syscall.Close(int(fs))
	if _, _, errno := syscall.Syscall6(sysFsconfig, fs, fsconfigCreate, 0, 0, 0, 0); errno != 0 {
		return -1, fmt.Errorf("fsconfig proc: %w", errno)
	}
	fd, _, errno := syscall.Syscall(sysFsmount, fs, fsCloseOnExec, attrNoSuid|attrNoDev|attrNoExec)
	if errno != 0 {
		return -1, fmt.Errorf("fsmount proc: %w", errno)
	}
	return tree(fd), nil
}

// readOnly refuses writes through the tree, its submounts included.
func (t tree) readOnly() error {
	return setReadOnly(int(t), "", atEmptyPath|atRecursive)
}

// attach makes the tree visible at target and lets go of it.
func (t tree) attach(target string) error {
	defer t.close()
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return err
	}
	p, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	at := atFDCWD
	_, _, errno := syscall.Syscall6(sysMoveMount, uintptr(t), uintptr(unsafe.Pointer(empty)),
		uintptr(at), uintptr(unsafe.Pointer(p)), moveFromEmpty, 0)
	if errno != 0 {
		return fmt.Errorf("move_mount %s: %w", target, errno)
	}
	return nil
}

func (t tree) isDir() bool {
	var st syscall.Stat_t
	return syscall.Fstat(int(t), &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR
}

func (t tree) close() { _ = syscall.Close(int(t)) }

// mountAttr is struct mount_attr.
type mountAttr struct{ set, clear, propagation, userns uint64 }

func setReadOnly(fd int, path string, flags uintptr) error {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	attr := mountAttr{set: attrReadOnly}
	_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(fd), uintptr(unsafe.Pointer(p)),
		flags, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("mount_setattr %s: %w", path, errno)
	}
	return nil
}

// mountPoint makes sure that there is something at target to mount on.
func mountPoint(target string, dir bool) error {
	if info, err := os.Stat(target); err == nil {
		if info.IsDir() != dir {
			return fmt.Errorf("%s: a directory and a file cannot be mounted on each other", target)
		}
		return nil
	}
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}
