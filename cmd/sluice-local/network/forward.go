package network

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
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

// A dead pod refuses connections, or does not answer at all, until kube-proxy
// has heard of its death, which takes some seconds; as good a balancer as clouds
// have tries again, and each try may lead to another pod. All are on this
// machine: who does not answer at once will not.
const (
	reachWithin = 5 * time.Second
	reachEvery  = 5 * time.Millisecond
	answersIn   = 500 * time.Millisecond
)

// reach connects to whoever takes the connection.
func reach(ctx context.Context, to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	d := net.Dialer{Timeout: answersIn}
	for {
		conn, err := d.DialContext(ctx, "tcp", to)
		if err == nil {
			return conn, nil
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
