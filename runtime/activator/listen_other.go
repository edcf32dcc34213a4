//go:build !unix

package activator

import (
	"context"
	"net"
)

// listen opens a TCP listener. Ports cannot be shared here.
func listen(ctx context.Context, addr string, _ bool) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}
