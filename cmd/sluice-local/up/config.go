package up

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Nodes that a user can choose from.
const (
	NodeProcess = "process"
	NodeKubelet = "kubelet"
)

// Config is what the user typed.
type Config struct {
	// Dir keeps everything: data, credentials, images, logs. It is made if it
	// is not there.
	Dir string
	// Repo is the repository to deploy, a directory or URL; "" makes and seeds
	// one in Dir.
	Repo string
	// Branch is the branch of Repo that is deployed.
	Branch string
	// HTTP is the host:port where services answer.
	HTTP string
	// Node is NodeProcess or NodeKubelet.
	Node string
	// NoSync has Kubernetes not wait until what it writes is on the disk.
	NoSync bool
	// Sluice is the path of the sluice binary.
	Sluice string
	// NoPlatform leaves out everything but Kubernetes itself.
	NoPlatform bool
	// Out gets the line "ready ..."; Err everything else that is for people.
	Out, Err io.Writer
}

// validate makes the directory absolute and refuses what cannot work.
func (c *Config) validate() error {
	switch c.Node {
	case NodeProcess, NodeKubelet:
	default:
		return fmt.Errorf("--node %s: no such node; there are: %s, %s", c.Node, NodeProcess, NodeKubelet)
	}
	if err := c.validateRepo(); err != nil {
		return err
	}
	abs, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("--dir %s: %w", c.Dir, err)
	}
	c.Dir = abs
	return nil
}

// validateRepo makes a directory absolute and leaves a URL (https://..., or
// git@host:path) as it is.
func (c *Config) validateRepo() error {
	if c.Repo == "" {
		return nil
	}
	if _, err := os.Stat(c.Repo); err != nil {
		if strings.Contains(c.Repo, ":") {
			return nil
		}
		return fmt.Errorf("--repo %s: no such directory; give a repository's directory or URL", c.Repo)
	}
	abs, err := filepath.Abs(c.Repo)
	if err != nil {
		return fmt.Errorf("--repo %s: %w", c.Repo, err)
	}
	c.Repo = abs
	return nil
}
