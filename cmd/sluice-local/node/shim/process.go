package shim

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// Process is a running container, seen from the node.
type Process struct {
	control *socket
	pid     int
	done    chan struct{}
	exit    Exit

	mu     sync.Mutex // guards the below
	lastID int
	execs  map[int]chan report
}

func newProcess(control *socket) *Process {
	return &Process{control: control, done: make(chan struct{}), execs: map[int]chan report{}}
}

// begin waits until the first process runs.
func (p *Process) begin() error {
	var r report
	_, err := p.control.read(&r)
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		_ = p.control.Close()
		return err
	}
	p.pid = p.control.peer
	go p.listen()
	return nil
}

// listen hands reports on until the shim is gone. A shim that goes without a
// word was killed.
func (p *Process) listen() {
	p.exit = Exit{Code: 128 + int(syscall.SIGKILL), Signal: int(syscall.SIGKILL)}
	for {
		var r report
		if _, err := p.control.read(&r); err != nil {
			break
		}
		if r.ID == 0 {
			if r.Exit != nil {
				p.exit = *r.Exit
			}
			continue
		}
		p.deliver(r)
	}
	_ = p.control.Close()
	close(p.done)
}

func (p *Process) deliver(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ch := p.execs[r.ID]; ch != nil {
		ch <- r
	}
}

// Done is closed when the container and everything that ran in it is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit is how the first process ended; valid after Done.
func (p *Process) Exit() Exit { return p.exit }

// Pid is the shim, as this machine numbers it: everything in the container is
// below it.
func (p *Process) Pid() int { return p.pid }

// Signal sends a signal to the first process alone. That it may be gone
// already is no error.
func (p *Process) Signal(sig syscall.Signal) { _ = p.control.write(request{Signal: int(sig)}) }

// Kill ends everything in the container.
func (p *Process) Kill() { p.Signal(syscall.SIGKILL) }

// Exec runs a further process in the container and waits for its end. Closing
// stop kills it. The caller keeps its copies of the files.
func (p *Process) Exec(stop <-chan struct{}, cmd Command, stdin, stdout, stderr *os.File) (Exit, error) {
	id, reports := p.register()
	defer p.forget(id)
	if err := p.control.write(request{ID: id, Exec: &cmd}, stdin, stdout, stderr); err != nil {
		return Exit{}, err
	}
	for {
		select {
		case r := <-reports:
			if r.Error != "" {
				return Exit{}, errors.New(r.Error)
			}
			if r.Exit != nil {
				return *r.Exit, nil
			}
		case <-stop:
			_ = p.control.write(request{ID: id, Signal: int(syscall.SIGKILL)})
			stop = nil
		case <-p.done:
			return Exit{}, errors.New("container ended")
		}
	}
}

func (p *Process) register() (int, chan report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	ch := make(chan report, 2) // Started or Error, then Exit
	p.execs[p.lastID] = ch
	return p.lastID, ch
}

func (p *Process) forget(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.execs, id)
}
