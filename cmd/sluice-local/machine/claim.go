package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/lock"
)

// runDir is where the machine's one claim is kept. It does not outlive the
// machine's own run, as packet filters and links do not.
const runDir = "/run/sluice-local"

// Claim is this machine as a node of ours. There is one: packet filters, links
// and addresses are the machine's, not a folder's.
type Claim struct {
	// Resumes says that a killed run of the same cluster left its pods, which
	// run on.
	Resumes bool

	held *lock.Lock
	mark string
}

// Take claims the machine for the cluster in a folder.
func Take(dir string) (*Claim, error) { return take(runDir, dir, isNode) }

func take(runDir, dir string, isNode func() (bool, error)) (*Claim, error) {
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	held, err := lock.Take(runDir, fmt.Sprintf("sluice-local (process %d, --dir %s)", os.Getpid(), dir))
	var other *lock.HeldError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("--node kubelet: this machine is the node of %s; stop that one, or use --node process", other.Holder)
	}
	if err != nil {
		return nil, err
	}
	c := &Claim{held: held, mark: markIn(runDir)}
	err = c.checkLeft(dir, isNode)
	if err == nil {
		err = os.WriteFile(c.mark, []byte(dir), 0o644)
	}
	if err != nil {
		return nil, errors.Join(err, held.Release())
	}
	return c, nil
}

// checkLeft refuses a machine that is a node of somebody else, or on which
// another cluster was killed: its pods still run.
func (c *Claim) checkLeft(dir string, isNode func() (bool, error)) error {
	left, err := os.ReadFile(c.mark)
	if err == nil && string(left) == dir {
		c.Resumes = true
		return nil
	}
	if err == nil {
		return fmt.Errorf("--node kubelet: the cluster in %[1]s was killed and its pods are left; to go on with it: sluice-local up --node kubelet --dir %[1]s; to end them: sluice-local down", left)
	}
	node, err := isNode()
	if err == nil && node {
		err = errors.New("--node kubelet: this machine is a Kubernetes node already: its packet filter has the chain KUBE-SERVICES; use --node process")
	}
	return err
}

// Left is the folder of the cluster that was killed on this machine, or that
// runs on it; "" if there is none.
func Left() (string, error) {
	dir, err := os.ReadFile(markIn(runDir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("machine: %w", err)
	}
	return string(dir), nil
}

func markIn(runDir string) string { return filepath.Join(runDir, "unclean") }

// isNode asks the packet filter for kube-proxy's chain.
func isNode() (bool, error) {
	out, err := exec.Command("iptables-save", "-t", "nat").CombinedOutput()
	if err != nil {
		return false, fmt.Errorf("iptables-save: %w: %s", err, bytes.TrimSpace(out))
	}
	return bytes.Contains(out, []byte(":KUBE-SERVICES ")), nil
}

// Release gives the machine back. clean says that nothing of ours is left on it.
func (c *Claim) Release(clean bool) error {
	var err error
	if clean {
		err = os.Remove(c.mark)
	}
	return errors.Join(err, c.held.Release())
}
