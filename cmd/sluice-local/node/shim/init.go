package shim

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// initProcess is the first process of a container: it starts the container's
// own and what exec asks for, reaps every orphan, and ends with the first.
type initProcess struct {
	control *socket
	mode    Mode
	single  bool // whether this user namespace knows one identity only

	mu     sync.Mutex // guards the below, and forking against reaping
	procs  map[int]int
	ending bool
}

func notifyChild(ch chan os.Signal) { signal.Notify(ch, syscall.SIGCHLD) }

// initialize is the shim's life.
func initialize() error {
	control, err := adopt(controlFD)
	if err != nil {
		return err
	}
	// What ends the keeper's terminal session is no reason to end.
	// They are caught, not ignored: what is ignored, a child would ignore too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	var first request
	files, err := control.read(&first)
	if err != nil {
		return nil // the node needs no container of us
	}
	i := &initProcess{control: control, single: ownsOneIdentity(), procs: map[int]int{}}
	exit, err := i.run(first, files)
	last := report{Exit: &exit}
	if err != nil {
		last = report{Error: err.Error()}
	}
	_ = control.write(last) // if nobody listens any more, nobody wants to know
	return nil
}

// run starts the container and returns when nothing of it is left.
func (i *initProcess) run(first request, files []*os.File) (Exit, error) {
	if first.Start == nil || len(files) != 3 {
		return Exit{}, errors.New("shim: the first request must be a start")
	}
	spec := first.Start
	i.mode = spec.Mode
	if err := i.enter(spec); err != nil {
		return Exit{}, err
	}
	if len(spec.Command.Args) == 0 {
		return Exit{}, i.control.write(report{Started: true})
	}
	if err := i.start(0, spec.Command, files); err != nil {
		return Exit{}, err
	}
	if err := i.control.write(report{Started: true}); err != nil {
		i.killAll()
		return Exit{}, err
	}
	go i.serve()
	exit := i.reapUntilFirst()
	i.killAll()
	return exit, nil
}

func (i *initProcess) enter(spec *Spec) error {
	if !i.mode.Isolated() {
		return becomeSubreaper()
	}
	return enterRoot(spec)
}

// start forks a process under the lock, so that it cannot be reaped before it is known.
func (i *initProcess) start(id int, cmd Command, files []*os.File) error {
	defer closeAll(files)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ending {
		return errors.New("container is ending")
	}
	pid, err := i.fork(cmd, files)
	if err != nil {
		return err
	}
	i.procs[pid] = id
	return nil
}

// serve does what the node asks. Without a node there is no reason to live.
func (i *initProcess) serve() {
	for {
		var r request
		files, err := i.control.read(&r)
		if err != nil {
			i.kill()
			return
		}
		switch {
		case r.Exec != nil:
			if err := i.start(r.ID, *r.Exec, files); err != nil {
				_ = i.control.write(report{ID: r.ID, Error: err.Error()})
				continue
			}
			_ = i.control.write(report{ID: r.ID, Started: true})
		case r.Signal == int(syscall.SIGKILL) && r.ID == 0:
			i.kill()
		case r.Signal != 0:
			i.signal(r.ID, syscall.Signal(r.Signal))
		}
	}
}

func (i *initProcess) signal(id int, sig syscall.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for pid, known := range i.procs {
		if known == id {
			_ = syscall.Kill(pid, sig)
		}
	}
}

// reapUntilFirst collects every child and returns how the first one ended.
func (i *initProcess) reapUntilFirst() Exit {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return Exit{Code: 255}
		}
		id, known := i.forget(pid)
		switch {
		case !known:
		case id == 0:
			return exitOf(ws)
		default:
			exit := exitOf(ws)
			_ = i.control.write(report{ID: id, Exit: &exit})
		}
	}
}

func (i *initProcess) forget(pid int) (int, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, known := i.procs[pid]
	delete(i.procs, pid)
	return id, known
}

func exitOf(ws syscall.WaitStatus) Exit {
	if ws.Signaled() {
		return Exit{Code: 128 + int(ws.Signal()), Signal: int(ws.Signal())}
	}
	return Exit{Code: ws.ExitStatus()}
}

// kill ends the first process surely and the others as far as they are seen;
// run sees to the rest once the first is dead.
func (i *initProcess) kill() {
	i.mu.Lock()
	i.ending = true
	i.mu.Unlock()
	if i.mode.Isolated() {
		_ = syscall.Kill(-1, syscall.SIGKILL)
		return
	}
	killDescendants(os.Getpid())
}

// killAll returns when no process of the container is left. As every orphan
// becomes a child of ours, that is when we have no child.
func (i *initProcess) killAll() {
	for {
		i.kill()
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err == syscall.ECHILD {
				return
			}
			if pid <= 0 && err != syscall.EINTR {
				break
			}
		}
		time.Sleep(time.Millisecond) // until the dying are dead
	}
}

// fork starts cmd in a session of its own.
func (i *initProcess) fork(cmd Command, files []*os.File) (int, error) {
	path, err := lookPath(cmd.Args[0], cmd.Env, cmd.Dir)
	if err != nil {
		return 0, err
	}
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	pid, err := syscall.ForkExec(path, cmd.Args, &syscall.ProcAttr{
		Dir:   dir,
		Env:   cmd.Env,
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd()},
		Sys:   i.identity(cmd),
	})
	if err != nil {
		return 0, fmt.Errorf("exec: %q: %w", cmd.Args[0], err)
	}
	return pid, nil
}

// identity makes the process who it should be. Without root only one identity
// can be had besides root: a user namespace that calls our own by its number.
func (i *initProcess) identity(cmd Command) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Setctty: cmd.TTY, Pdeathsig: syscall.SIGKILL}
	if cmd.UID == 0 && cmd.GID == 0 && len(cmd.Groups) == 0 {
		return attr
	}
	switch {
	case !i.mode.Isolated() && os.Geteuid() != 0:
		return attr // the node says so to the user
	case i.single:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(cmd.UID), HostID: 0, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(cmd.GID), HostID: 0, Size: 1}}
		attr.Credential = &syscall.Credential{Uid: cmd.UID, Gid: cmd.GID, NoSetGroups: true}
	default:
		attr.Credential = &syscall.Credential{Uid: cmd.UID, Gid: cmd.GID, Groups: cmd.Groups}
	}
	return attr
}
