package node

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

const (
	streamIdle     = 4 * time.Hour
	streamCreation = 30 * time.Second
)

func (n *Node) serveExec(w http.ResponseWriter, r *http.Request) {
	c := n.findContainer(w, r)
	if c == nil {
		return
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, executor{c}, c.pod.current().Name, string(c.pod.uid), c.name,
		r.Form["command"], options, streamIdle, streamCreation, remotecommand.SupportedStreamingProtocols)
}

func (n *Node) serveAttach(w http.ResponseWriter, r *http.Request) {
	c := n.findContainer(w, r)
	if c == nil {
		return
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeAttach(w, r, executor{c}, c.pod.current().Name, string(c.pod.uid), c.name,
		options, streamIdle, streamCreation, remotecommand.SupportedStreamingProtocols)
}

func (n *Node) servePortForward(w http.ResponseWriter, r *http.Request) {
	p := n.find(w, r)
	if p == nil {
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, forwarder{p}, p.current().Name, string(p.uid), options, streamIdle, streamCreation, portforward.SupportedProtocols)
}

// executor runs what exec and attach ask for.
type executor struct{ c *container }

// ExecInContainer runs a command beside the container's process.
func (e executor) ExecInContainer(ctx context.Context, _, _, _ string, args []string, in io.Reader, out, errOut io.WriteCloser,
	tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	proc, cmd, err := e.c.beside(args)
	if err != nil {
		return err
	}
	var exit shim.Exit
	if tty {
		exit, err = execTTY(ctx, proc, cmd, in, out, resize)
	} else {
		exit, err = execPipes(ctx, proc, cmd, in, out, errOut)
	}
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return utilexec.CodeExitError{Err: errors.New("exit status " + strconv.Itoa(exit.Code)), Code: exit.Code}
	}
	return nil
}

// AttachContainer shows what the container prints from now on. It cannot be
// typed to: a container's standard input is empty.
func (e executor) AttachContainer(ctx context.Context, _, _, _ string, _ io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	path, live, err := e.c.logOf(false)
	if err != nil {
		return err
	}
	return crilog.Read(ctx, path, crilog.Query{Live: live, Tail: -1}, out)
}

// execPipes runs a command with its three streams apart.
func execPipes(ctx context.Context, proc *shim.Process, cmd shim.Command, in io.Reader, out, errOut io.Writer) (shim.Exit, error) {
	stdin, feed, err := os.Pipe()
	if err != nil {
		return shim.Exit{}, err
	}
	defer stdin.Close()
	var draining sync.WaitGroup
	stdout, err1 := drain(&draining, out)
	stderr, err2 := drain(&draining, errOut)
	if err := errors.Join(err1, err2); err != nil {
		return shim.Exit{}, errors.Join(err, feed.Close())
	}
	go func() {
		defer feed.Close()
		if in != nil {
			_, _ = io.Copy(feed, in) // ends when the client's stream does
		}
	}()
	exit, err := proc.Exec(ctx.Done(), cmd, stdin, stdout, stderr)
	_, _ = stdout.Close(), stderr.Close()
	draining.Wait()
	return exit, err
}

// drain is a pipe whose content goes to w; nothing is kept if w is nil.
func drain(wait *sync.WaitGroup, w io.Writer) (*os.File, error) {
	r, file, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if w == nil {
		w = io.Discard
	}
	wait.Go(func() {
		defer r.Close()
		_, _ = io.Copy(w, r)
		_, _ = io.Copy(io.Discard, r)
	})
	return file, nil
}

// forwarder connects a client to a pod's ports.
type forwarder struct{ p *pod }

// PortForward copies between a stream and a port of the pod.
func (f forwarder) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	ip, ports := f.p.network()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(ip, strconv.Itoa(int(ports.real(port)))))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	go func() {
		_, _ = io.Copy(conn, stream)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, conn)
	return err
}
