package shim

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// isolation are the namespaces of an isolated container; the network is shared.
const isolation = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// keep is the keeper's life: it starts a shim for each message until its node
// is gone.
func keep() error {
	control, err := adopt(controlFD)
	if err != nil {
		return err
	}
	go reapAll()
	for {
		var s spawn
		files, err := control.read(&s)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := startShim(s, files); err != nil {
			refuse(files, err)
		}
		closeAll(files)
	}
}

func startShim(s spawn, files []*os.File) error {
	if len(files) != 1 {
		return errors.New("shim: a spawn needs exactly one socket")
	}
	attr := &syscall.SysProcAttr{}
	if s.Isolated {
		attr.Cloneflags = isolation
		// The keeper's main thread is locked to this goroutine as long as init runs.
		attr.Pdeathsig = syscall.SIGKILL
	}
	_, err := syscall.ForkExec("/proc/self/exe", []string{shimName}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, files[0].Fd()},
		Sys:   attr,
	})
	return err
}

// refuse answers in the place of a shim that could not be started.
func refuse(files []*os.File, err error) {
	if len(files) == 0 {
		return
	}
	s := &socket{file: files[0]}
	_ = s.write(report{Error: "start shim: " + err.Error()})
}

// reapAll collects ended shims; their nodes learn of it by their sockets.
func reapAll() {
	children := make(chan os.Signal, 1)
	notifyChild(children)
	for range children {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
		}
	}
}
