package cluster

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// startEtcd starts etcd on a unix socket that only this user can reach and
// returns its endpoint.
//
// The socket is named by way of an open directory, because the path of a unix
// socket may have 107 bytes and the user's directory may have more.
func (c *Cluster) startEtcd(ctx context.Context) (string, error) {
	dir, err := os.Open(c.cfg.Dir)
	if err != nil {
		return "", fmt.Errorf("etcd: %w", err)
	}
	// A socket left by a killed process cannot be listened on.
	if err := os.RemoveAll(filepath.Join(c.cfg.Dir, "etcd.sock")); err != nil {
		return "", fmt.Errorf("etcd: %w", err)
	}
	socket := url.URL{Scheme: "unix", Path: fmt.Sprintf("/proc/self/fd/%d/etcd.sock", dir.Fd())}
	server, err := embed.StartEtcd(etcdConfig(c.cfg, socket))
	if err != nil {
		return "", fmt.Errorf("etcd: %w", err)
	}
	c.cfg.Stack.Push(ctx, stack.Component{Name: "etcd", Run: func(ctx context.Context) error {
		defer dir.Close()
		defer server.Close()
		select {
		case <-ctx.Done():
			return nil
		case err := <-server.Err():
			return err
		}
	}})
	select {
	case <-server.Server.ReadyNotify():
		return socket.String(), nil
	case <-ctx.Done():
		return "", fmt.Errorf("etcd: not ready: %w", context.Cause(ctx))
	}
}

// etcdConfig is a single member that no peer can reach. Writes are synced to
// disk before they are acknowledged: what the API said yes to survives a power
// cut, unless the user wants it otherwise.
func etcdConfig(c Config, socket url.URL) *embed.Config {
	cfg := embed.NewConfig()
	cfg.UnsafeNoFsync = c.NoSync
	cfg.Dir = filepath.Join(c.Dir, "etcd")
	cfg.ListenClientUrls = []url.URL{socket}
	cfg.ListenPeerUrls = nil
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.LogLevel = "error"
	cfg.LogOutputs = []string{filepath.Join(c.Dir, "etcd.log")}
	cfg.EnableGRPCGateway = false
	return cfg
}
