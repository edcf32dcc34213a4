package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// given is a cluster that is none of sluice-local's: it has no registry that the
// tests can put images into, so each is brought into it as it is made.
type given struct {
	// dir has the images, as the folder of a cluster would, and in bin what
	// the stories call sluice-local.
	dir string
}

// asLocal is sluice-local that has the images it makes brought into a cluster.
const asLocal = `#!/bin/sh
set -e
%[1]q "$@"
if [ "$1 $2" = "image build" ]; then
	set -- %[2]q
	%[3]s
fi
`

// openGiven makes the folder, with the image that most services of the tests
// run.
func (c *cluster) openGiven() error {
	hook := os.Getenv("SLUICE_E2E_LOAD_IMAGE")
	if hook == "" {
		return errors.New("KUBECONFIG needs SLUICE_DIR beside it, the folder of sluice-local, or SLUICE_E2E_LOAD_IMAGE, a command that brings the images of the OCI layout $1 into the cluster, under their names there")
	}
	program, err := binary("sluice-local")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err != nil {
		return err
	}
	c.given = &given{dir: dir}
	script := fmt.Appendf(nil, asLocal, program, filepath.Join(dir, "registry"), hook)
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "bin"), 0o755), os.WriteFile(filepath.Join(dir, "bin", "sluice-local"), script, 0o755),
		os.Symlink(c.kubeconfig, filepath.Join(dir, "kubeconfig")),
	); err != nil {
		return err
	}
	return c.makeImage("../examples/hello/app", "helloworld-go:v1")
}

// folder is the cluster's, or what stands for it.
func (c *cluster) folder() string {
	if c.given != nil {
		return c.given.dir
	}
	return c.dir
}

// local is the path of sluice-local, as the stories are to have it.
func (c *cluster) local() (string, error) {
	if c.given != nil {
		return filepath.Join(c.given.dir, "bin", "sluice-local"), nil
	}
	return binary("sluice-local")
}

// makeImage makes an image of a Go program, for pods of the cluster.
func (c *cluster) makeImage(src, tag string) error {
	program, err := c.local()
	if err != nil {
		return err
	}
	out, err := exec.Command(program, "image", "build", src, "--tag", tag, "--dir", c.folder()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("sluice-local image build: %w: %s", err, out)
	}
	return nil
}

// needLoopback skips what has pods ask a server of the tests.
func needLoopback(t *testing.T) {
	t.Helper()
	if under.node != "process" {
		t.Skip("pods of this cluster do not reach the loopback network that the tests serve on: run this on the process node")
	}
}

// condition is what stories may ask for: registry, that the cluster has one of
// ours; loopback, that its pods reach what the tests serve.
func condition(name string) (bool, error) {
	switch name {
	case "registry":
		return under.dir != "", nil
	case "loopback":
		return under.node == "process", nil
	}
	return false, fmt.Errorf("no condition %q", name)
}

func TestGiven_ImagesAreBroughtIntoTheCluster(t *testing.T) {
	brought := filepath.Join(t.TempDir(), "brought")
	t.Setenv("SLUICE_E2E_LOAD_IMAGE", `cp "$1/index.json" `+brought)
	c := &cluster{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	check(t, c.openGiven())
	defer os.RemoveAll(c.given.dir)
	if index, err := os.ReadFile(brought); err != nil || len(index) == 0 {
		t.Errorf("%s, %v", index, err)
	}
	t.Setenv("SLUICE_E2E_LOAD_IMAGE", "")
	if err := (&cluster{}).openGiven(); err == nil {
		t.Error("a cluster without a way in is no error")
	}
}
