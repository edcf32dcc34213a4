package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// asMain makes the test binary be sluice-local, so that the tests run the real
// program as a process of its own.
const asMain = "SLUICE_LOCAL_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is sluice-local with arguments.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...) // its end is the test's own affair
	cmd.Env = append(os.Environ(), asMain+"=1")
	return cmd
}

// try runs sluice-local to its end.
func try(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	_ = cmd.Run() // the code says it all
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
}

// local is a running `sluice-local up`.
type local struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}

	mu     sync.Mutex // guards stderr
	stderr bytes.Buffer
}

// Write collects what it says.
func (l *local) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stderr.Write(p)
}

func (l *local) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stderr.String()
}

// start runs `up` and returns when it is ready.
func start(t *testing.T, dir, http string, more ...string) *local {
	t.Helper()
	l := &local{t: t, dir: dir, exited: make(chan struct{})}
	l.cmd = command(t, append([]string{"up", "--no-platform", "--dir", dir, "--http", http}, more...)...)
	l.cmd.Stderr = l
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.end(syscall.SIGKILL) })
	ready := make(chan bool, 1)
	go func() {
		defer close(l.exited)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "ready ") {
				ready <- true
			}
		}
		_ = l.cmd.Wait() // end looks at the code
	}()
	select {
	case <-ready:
		t.Logf("ready after %v, resident %s", time.Since(began).Round(time.Millisecond), l.resident())
	case <-l.exited:
		t.Fatalf("ended before it was ready: %s", l.said())
	case <-time.After(2 * time.Minute):
		t.Fatalf("not ready: %s", l.said())
	}
	return l
}

// end sends a signal, waits, and returns the exit code.
func (l *local) end(sig os.Signal) int {
	select {
	case <-l.exited:
		return l.cmd.ProcessState.ExitCode()
	default:
	}
	began := time.Now()
	if err := l.cmd.Process.Signal(sig); err != nil {
		l.t.Errorf("signal: %v", err)
	}
	select {
	case <-l.exited:
		l.t.Logf("gone %v after %v", time.Since(began).Round(time.Millisecond), sig)
	case <-time.After(30 * time.Second):
		l.t.Errorf("still there 30 s after %v", sig)
		_ = l.cmd.Process.Kill()
		<-l.exited
	}
	return l.cmd.ProcessState.ExitCode()
}

// resident is the process's memory as the kernel words it.
func (l *local) resident() string {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(l.cmd.Process.Pid), "status"))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}

// client talks to the cluster as the kubeconfig says.
func (l *local) client() kubernetes.Interface {
	l.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(l.dir, "kubeconfig"))
	if err != nil {
		l.t.Fatal(err)
	}
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	return client
}

// descendants are the processes that a process has begun, directly or not.
func descendants(root int) map[int]bool {
	all := map[int]bool{root: true}
	for grew := true; grew; {
		grew = false
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range stats {
			text, _ := os.ReadFile(path)
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			_, rest, ok := strings.Cut(string(text), ") ")
			if fields := strings.Fields(rest); ok && len(fields) > 1 && !all[pid] {
				if parent, _ := strconv.Atoi(fields[1]); all[parent] {
					all[pid], grew = true, true
				}
			}
		}
	}
	delete(all, root)
	return all
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}
