package bench

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cluster is a `sluice-local up` of our own.
type cluster struct {
	dir, kubeconfig string
	process         *exec.Cmd
	// took is how long the line `ready` took.
	took time.Duration
}

// up starts a cluster in a folder and ends it with the test.
func up(t *testing.T, dir string, args ...string) *cluster {
	t.Helper()
	c := &cluster{dir: dir, kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := os.Chmod(dir, 0o755); err != nil { // pods run as other users
		t.Fatal(err)
	}
	c.process = exec.Command(local(t), append([]string{"up", "--dir", dir, "--http", freeAddress(t)}, args...)...)
	log, err := os.Create(filepath.Join(dir, "up.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.process.Stderr = log
	out, err := c.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.stop(t) })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "ready ") {
			c.took = time.Since(began)
			return c
		}
	}
	text, _ := os.ReadFile(log.Name()) // what can be said beside the failure
	t.Fatalf("sluice-local ended before it was ready:\n%s", text)
	return nil
}

// stop ends the cluster; a second time does nothing.
func (c *cluster) stop(t *testing.T) {
	if c.process.ProcessState != nil {
		return
	}
	if err := c.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := c.process.Wait(); err != nil {
		t.Errorf("sluice-local did not end with 0: %v", err)
	}
}

// settle waits until the cluster has nothing more to do: its controllers come
// to rest some seconds after the last write.
func (c *cluster) settle(t *testing.T) {
	t.Helper()
	const look, busy = 200 * time.Millisecond, 40 * time.Millisecond
	calm, before := 0, cpu(t, c.process.Process.Pid)
	for deadline := time.Now().Add(2 * time.Minute); calm < 3; {
		time.Sleep(look) // there is no event for "nothing happens"
		now := cpu(t, c.process.Process.Pid)
		calm++
		if now-before > busy {
			calm = 0
		}
		if before = now; time.Now().After(deadline) {
			t.Log("the cluster does not come to rest; measuring on")
			return
		}
	}
}

// local is the program that `make build` made.
func local(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/sluice-local")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal("bin/sluice-local is not built: run `make build`")
	}
	return path
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// peak is the most memory that a process ever had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatalf("process %d has no VmHWM", pid)
	return 0
}

// cpu is the time that a process has computed, to a hundredth of a second.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(text), ") ")
	var user, system int64
	if _, err := fmt.Sscanf(fields, "%1s %d %d %d %d %d %d %d %d %d %d %d %d", new(string), new(int), new(int), new(int), new(int),
		new(int), new(int64), new(int64), new(int64), new(int64), new(int64), &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
