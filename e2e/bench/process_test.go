package bench

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// patience is how long anything may take before it has failed.
const patience = 3 * time.Minute

// process is the engine's process, seen from outside.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	began   time.Time

	mu     sync.Mutex
	events []event
	more   chan struct{} // closed when an event came, then made anew
}

// start runs an engine on a repository.
func start(t *testing.T, c *cluster, r *repository, name string) *process {
	t.Helper()
	cfg := workerConfig{Kubeconfig: c.kubeconfig, Repository: r.dir}
	if dir := os.Getenv(envProfile); dir != "" {
		cfg.Profile = filepath.Join(dir, name)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{command: exec.Command(program), more: make(chan struct{}), began: time.Now()}
	p.command.Env = append(os.Environ(), envWorker+"="+string(text))
	p.command.Stderr = log
	if p.in, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.command.Process.Kill() }) // it may have ended
	go p.read(out)
	return p
}

func (p *process) read(out io.Reader) {
	for decoder := json.NewDecoder(bufio.NewReader(out)); ; {
		var e event
		if decoder.Decode(&e) != nil {
			return
		}
		p.mu.Lock()
		p.events = append(p.events, e)
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// stop has the process end in order.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.in.Close(); err != nil {
		t.Error(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("the engine's process: %v", err)
	}
}

// mark is a place in the stream of events.
func (p *process) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}

// since are the events after a mark, and a channel that is closed when there are more.
func (p *process) since(mark int) ([]event, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events[mark:len(p.events):len(p.events)], p.more
}

// await gives the first event after a mark that is wanted.
func (p *process) await(t *testing.T, mark int, what string, want func(event) bool) event {
	t.Helper()
	deadline := time.After(patience)
	for {
		events, more := p.since(mark)
		for _, e := range events {
			if want(e) {
				return e
			}
		}
		mark += len(events)
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("no %s after %s", what, patience)
		}
	}
}

// quiet waits until the process has said nothing for that long.
func (p *process) quiet(t *testing.T, silence time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_, more := p.since(p.mark())
		select {
		case <-more:
		case <-time.After(silence):
			return
		}
	}
	t.Fatal("the engine never falls silent")
}

// ask sends a line and waits for the answer.
func (p *process) ask(t *testing.T, what, answer string) event {
	t.Helper()
	mark := p.mark()
	if _, err := io.WriteString(p.in, what+"\n"); err != nil {
		t.Fatal(err)
	}
	return p.await(t, mark, answer, func(e event) bool { return e.Kind == answer })
}

// steps are the steps after a mark.
func (p *process) steps(mark int) []event {
	var out []event
	events, _ := p.since(mark)
	for _, e := range events {
		if e.Kind == stepped {
			out = append(out, e)
		}
	}
	return out
}
