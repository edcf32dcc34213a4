package node

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// maxExecOutput is how much of a probe's output is kept.
const maxExecOutput = 10 << 10

var errNotRunning = errors.New("container is not running")

// beside is the process to run another beside, and how.
func (c *container) beside(args []string) (*shim.Process, shim.Command, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return nil, shim.Command{}, errNotRunning
	}
	cmd := c.cmd
	cmd.Args = args
	if !c.pod.node.mode.Isolated() && len(args) > 0 {
		spec := shim.Spec{Lower: c.image.Root, Command: shim.Command{Args: append([]string{}, args...)}}
		if bare(&spec); isFile(spec.Command.Args[0]) {
			cmd.Args = spec.Command.Args
		}
	}
	return c.proc, cmd, nil
}

// execForOutput runs a command in the container and keeps the end of its output.
func (c *container) execForOutput(ctx context.Context, args []string) (int, string, error) {
	proc, cmd, err := c.beside(args)
	if err != nil {
		return 0, "", err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, "", err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	var out strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		defer r.Close()
		_, _ = io.Copy(&out, io.LimitReader(r, maxExecOutput))
		_, _ = io.Copy(io.Discard, r)
	})
	exit, err := proc.Exec(ctx.Done(), cmd, null, w, w)
	_ = w.Close()
	reading.Wait()
	return exit.Code, out.String(), err
}
