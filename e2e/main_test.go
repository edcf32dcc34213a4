package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kubeconfig is the file of the cluster under test.
var kubeconfig string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	stop, err := openCluster()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

// openCluster finds a cluster or starts one; stop takes down what it started.
func openCluster() (stop func(), err error) {
	if kubeconfig = os.Getenv("KUBECONFIG"); kubeconfig != "" {
		return func() {}, nil
	}
	program, err := filepath.Abs("../bin/sluice-local")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("no KUBECONFIG, and no program to start a cluster with: run `make build`: %w", err)
	}
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "up", "--no-platform", "--dir", dir, "--http", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := awaitReady(bufio.NewScanner(out)); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// awaitReady reads until the line that says the cluster serves, and goes on
// reading so that the program never waits for a reader.
func awaitReady(lines *bufio.Scanner) error {
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		said := false
		for lines.Scan() {
			if !said && strings.HasPrefix(lines.Text(), "ready ") {
				said = true
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
		return nil
	case <-ended:
		return errors.New("sluice-local ended before it was ready")
	case <-time.After(2 * time.Minute):
		return errors.New("sluice-local was not ready after two minutes")
	}
}

// restConfig is the way to the cluster under test.
func restConfig(t *testing.T) *rest.Config {
	t.Helper()
	rc, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return rc
}
