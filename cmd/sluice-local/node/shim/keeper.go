package shim

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// spares is how many shims wait, started, for their container.
const spares = 2

// breath is how long a container has the machine for itself before the shim
// that it took is replaced.
const breath = 100 * time.Millisecond

// Keeper starts containers. It is a small process of its own, with its own user
// namespace where there is no root.
type Keeper struct {
	mode    Mode
	mark    string
	control *socket
	idle    chan *socket
	done    chan struct{} // Close was called
	dead    chan struct{} // the process is gone
	wait    sync.WaitGroup
}

// NewKeeper starts the keeper's process; the mark (see Mark) may be empty. Close
// ends it and every container.
func NewKeeper(mode Mode, mark string) (*Keeper, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	k := &Keeper{mode: mode, mark: mark, control: ours, idle: make(chan *socket, spares), done: make(chan struct{}), dead: make(chan struct{})}
	pid, err := k.fork(theirs)
	if err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("shim: start keeper: %w", err)
	}
	k.wait.Add(2)
	go k.reap(pid)
	go k.refill()
	return k, nil
}

// Mode is how the keeper's containers are kept apart.
func (k *Keeper) Mode() Mode { return k.mode }

func (k *Keeper) fork(control *os.File) (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	attr := &syscall.SysProcAttr{Setsid: true}
	if k.mode.Isolated() && os.Geteuid() != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return syscall.ForkExec("/proc/self/exe", []string{keeperName}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=2", k.mark},
		Files: []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd(), control.Fd()},
		Sys:   attr,
	})
}

// reap waits for the keeper's end, without which it would stay a zombie.
func (k *Keeper) reap(pid int) {
	defer k.wait.Done()
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			break
		}
	}
	_ = k.control.Close()
	close(k.dead)
}

// Dead is closed when the keeper's process is gone. No container can be started
// any more then.
func (k *Keeper) Dead() <-chan struct{} { return k.dead }

// refill keeps spare shims ready, so that a container need not wait for one.
func (k *Keeper) refill() {
	defer k.wait.Done()
	for k.breathe() {
		s, err := k.spawn()
		if err != nil {
			return
		}
		select {
		case k.idle <- s:
		case <-k.done:
			_ = s.Close()
			return
		}
	}
}

// breathe leaves the processor to the container that has just begun, unless
// the next one would have to wait for a shim. It is false when all is over.
func (k *Keeper) breathe() bool {
	if len(k.idle) == 0 {
		return true
	}
	t := time.NewTimer(breath)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-k.done:
		return false
	}
}

func (k *Keeper) spawn() (*socket, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if err := k.control.write(spawn{Isolated: k.mode.Isolated()}, theirs); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("shim: ask keeper: %w", err)
	}
	return ours, nil
}

// Start runs a container. The three files become the process's standard input,
// output and error; the caller still owns its copies. An error tells why the
// process could not be started; nothing is left of it then.
func (k *Keeper) Start(spec Spec, stdin, stdout, stderr *os.File) (*Process, error) {
	control, err := k.take()
	if err != nil {
		return nil, err
	}
	spec.Mode = k.mode
	if k.mark != "" && !k.mode.Isolated() {
		spec.Command.Env = append(slices.Clip(spec.Command.Env), k.mark)
	}
	if err := control.write(request{Start: &spec}, stdin, stdout, stderr); err != nil {
		_ = control.Close()
		return nil, fmt.Errorf("shim: send spec: %w", err)
	}
	p := newProcess(control)
	if err := p.begin(); err != nil {
		return nil, err
	}
	return p, nil
}

func (k *Keeper) take() (*socket, error) {
	select {
	case <-k.done:
		return nil, errors.New("shim: keeper is closed")
	case s := <-k.idle:
		return s, nil
	default:
		return k.spawn()
	}
}

// Close ends the keeper; containers that still run are killed.
func (k *Keeper) Close() {
	close(k.done)
	_ = k.control.Close()
	k.wait.Wait()
	for {
		select {
		case s := <-k.idle:
			_ = s.Close()
		default:
			return
		}
	}
}
