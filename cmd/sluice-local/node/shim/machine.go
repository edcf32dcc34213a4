package shim

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// machine is what a container sees of the machine besides its own files.
// A part that cannot be had is left out: an image may do without.
type machine struct {
	proc, sys tree
	devices   map[string]tree
}

// takeMachine copies the mounts while the machine's root is still there.
func takeMachine() machine {
	m := machine{proc: takeProc(), sys: take("/sys"), devices: map[string]tree{}}
	if m.sys >= 0 && m.sys.readOnly() != nil {
		m.sys.close()
		m.sys = -1
	}
	for _, d := range devices {
		m.devices[d] = take("/dev/" + d)
	}
	return m
}

// takeProc shows the container's own processes or, where parts of /proc are
// hidden from us and a new one is therefore refused, the machine's.
func takeProc() tree {
	if t, err := newProc(); err == nil {
		return t
	}
	return take("/proc")
}

func take(path string) tree {
	t, err := takeTree(path)
	if err != nil {
		return -1
	}
	return t
}

// attach mounts /proc, /sys and /dev in the new root.
func (m machine) attach() error {
	if m.proc < 0 {
		return errors.New("no /proc can be had")
	}
	if err := attachAt(m.proc, "/proc"); err != nil {
		return err
	}
	if m.sys >= 0 && attachAt(m.sys, "/sys") != nil {
		m.sys.close()
	}
	return m.attachDev()
}

func (m machine) attachDev() error {
	if err := os.MkdirAll("/dev", 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("dev", "/dev", "tmpfs", syscall.MS_NOSUID, "mode=755,size=64k"); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	for name, t := range m.devices {
		if t < 0 {
			continue
		}
		if err := attachAt(t, "/dev/"+name); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	return m.attachTerminals()
}

// attachTerminals gives the container pseudo terminals and shared memory.
func (m machine) attachTerminals() error {
	for _, d := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount("devpts", "/dev/pts", "devpts", syscall.MS_NOSUID|syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"); err == nil {
		_ = os.Symlink("pts/ptmx", "/dev/ptmx")
	}
	if err := syscall.Mount("shm", "/dev/shm", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=1777,size=64m"); err != nil {
		return fmt.Errorf("mount /dev/shm: %w", err)
	}
	return nil
}
