package network

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Forward hands each connection of a listener on to an address until ctx is
// done, and then cuts off those that are left. It is the balancer in front of
// a cluster that has none.
func Forward(ctx context.Context, from net.Listener, to string) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, func() { _ = from.Close() })()
	for {
		conn, err := from.Accept()
		switch {
		case err == nil:
			all.Go(func() { forward(ctx, conn, to) }) // which ends it at once if ctx is done
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return err
		}
	}
}

// forward copies both ways until both have ended. The kernel does the copying.
func forward(ctx context.Context, client net.Conn, to string) {
	defer client.Close()
	server, err := reach(ctx, to)
	if err != nil {
		return // closing tells the client as much as there is to tell
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })()
	var both sync.WaitGroup
	both.Go(func() { half(server, client) })
	both.Go(func() { half(client, server) })
	both.Wait()
}

// A dead pod refuses connections until kube-proxy has heard of its death, which
// takes some seconds; as good a balancer as clouds have tries again, and each
// try may lead to another pod.
const (
	reachWithin = 5 * time.Second
	reachEvery  = 5 * time.Millisecond
)

// reach connects to whoever does not refuse.
func reach(ctx context.Context, to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", to)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return conn, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// half copies one way and hands on that it has ended.
func half(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if w, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = w.CloseWrite()
		return
	}
	_ = to.Close()
}
