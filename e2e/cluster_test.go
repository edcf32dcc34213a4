package e2e

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cluster is one that the tests run on, and the repository that it watches.
type cluster struct {
	kubeconfig string
	// repo is the bare repository, http the address where services answer.
	repo, http string
	// dir is the folder of a cluster of sluice-local, "" of any other; process
	// runs it, if the tests started it.
	dir     string
	process *exec.Cmd
	// given is what stands for the folder where there is none.
	given *given
	// node is what runs its pods, if the tests started it: process or kubelet.
	node string
	// app is whether its registry has the image of testdata/app.
	app bool
}

// openCluster takes the cluster that $KUBECONFIG, $SLUICE_REPO and
// $SLUICE_HTTP (and, if it is one of sluice-local, $SLUICE_DIR) name, or
// starts one.
func openCluster() (*cluster, error) {
	if kubeconfig := os.Getenv("KUBECONFIG"); kubeconfig != "" {
		c := &cluster{kubeconfig: kubeconfig, repo: os.Getenv("SLUICE_REPO"), http: os.Getenv("SLUICE_HTTP"), dir: os.Getenv("SLUICE_DIR")}
		if c.repo == "" || c.http == "" {
			return nil, errors.New("KUBECONFIG needs SLUICE_REPO (a path or URL that can be pushed to) and SLUICE_HTTP (host:port of the gateway) beside it")
		}
		if c.dir == "" {
			return c, c.openGiven()
		}
		return c, nil
	}
	return startCluster()
}

// startCluster starts one in a folder of its own; $SLUICE_E2E_NODE says what
// runs its pods.
func startCluster() (*cluster, error) {
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, node: cmp.Or(os.Getenv("SLUICE_E2E_NODE"), "process")}
	if err := os.Chmod(dir, 0o755); err != nil { // apps run as other users
		return nil, err
	}
	if c.http, err = freeAddress(); err != nil {
		return nil, err
	}
	c.kubeconfig, c.repo = filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "demo.git")
	return c, c.start()
}

// start runs `sluice-local up` until it is ready.
func (c *cluster) start() error {
	program, err := binary("sluice-local")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.dir, "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	c.process = exec.Command(program, "up", "--dir", c.dir, "--http", c.http, "--node", c.node)
	c.process.Stderr = log
	out, err := c.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.process.Start(); err != nil {
		return err
	}
	if err := awaitReady(out); err != nil {
		_ = c.process.Process.Kill()
		tail, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w:\n%s", err, tail[max(0, len(tail)-4000):])
	}
	return nil
}

// close ends a cluster that the tests started. It must say goodbye with 0.
func (c *cluster) close() error {
	if c.given != nil {
		return os.RemoveAll(c.given.dir)
	}
	if c.process == nil {
		return nil
	}
	defer os.RemoveAll(c.dir)
	return c.stop(syscall.SIGTERM)
}

// stop ends the process by a signal and waits for it.
func (c *cluster) stop(signal os.Signal) error {
	if err := c.process.Process.Signal(signal); err != nil {
		return err
	}
	err := c.process.Wait()
	if signal == syscall.SIGKILL {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sluice-local did not end with 0: %w", err)
	}
	return nil
}

// binary is a program that `make build` made.
func binary(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "bin", name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not built: run `make build`", name)
	}
	return path, nil
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitReady reads until the line that says the cluster serves, and goes on
// reading so that the program never waits for a reader.
func awaitReady(out io.Reader) error {
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		said := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
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
	case <-time.After(3 * time.Minute):
		return errors.New("sluice-local was not ready after three minutes")
	}
}
