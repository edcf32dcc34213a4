package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// execTTY runs a command on a terminal of its own.
func execTTY(ctx context.Context, proc *shim.Process, cmd shim.Command, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) (shim.Exit, error) {
	master, slave, err := openTerminal()
	if err != nil {
		return shim.Exit{}, err
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case size, ok := <-resize:
				if !ok {
					return
				}
				_ = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
			case <-done:
				return
			}
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(master, in) }()
	}
	var showing sync.WaitGroup
	showing.Go(func() { _, _ = io.Copy(out, master) }) // ends when the last process lets go of the terminal
	cmd.TTY = true
	cmd.Env = append(append([]string{}, cmd.Env...), "TERM=xterm")
	exit, err := proc.Exec(ctx.Done(), cmd, slave, slave, slave)
	_ = slave.Close()
	showing.Wait()
	close(done)
	_ = master.Close()
	return exit, err
}

// openTerminal makes a pseudo terminal of the machine; it is usable in a
// container's namespaces as well.
func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		_ = master.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return master, slave, nil
}
