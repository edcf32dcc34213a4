package containerd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/child"
)

// Runtime is a containerd of our own.
type Runtime struct {
	cfg     Config
	process child.Process
}

// New writes containerd's configuration; nothing runs yet.
func New(cfg Config) (*Runtime, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	path, err := cfg.write()
	if err != nil {
		return nil, fmt.Errorf("containerd: %w", err)
	}
	return &Runtime{cfg: cfg, process: child.Process{
		Path: cfg.Program, Args: []string{"containerd", "--config", path}, Log: cfg.Log,
	}}, nil
}

// Endpoint is where the kubelet finds it.
func (r *Runtime) Endpoint() string { return "unix://" + r.cfg.socket() }

// Run runs containerd until ctx is done. Pods outlive it, and are found again
// by the next one of the same folder.
func (r *Runtime) Run(ctx context.Context) error { return r.process.Run(ctx) }

// Ready returns when pods can be started.
func (r *Runtime) Ready(ctx context.Context) error {
	client, done, err := r.dial()
	if err != nil {
		return err
	}
	defer done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("does not answer")
	for {
		status, err := client.Status(ctx, &cri.StatusRequest{}, grpc.WaitForReady(true))
		if err == nil {
			err = notReady(status.GetStatus())
		}
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("containerd: not ready: %w (%w)", context.Cause(ctx), last)
		}
	}
}

// notReady is the first condition that does not hold.
func notReady(s *cri.RuntimeStatus) error {
	for _, c := range s.GetConditions() {
		if !c.GetStatus() {
			return fmt.Errorf("%s: %s %s", c.GetType(), c.GetReason(), c.GetMessage())
		}
	}
	return nil
}

func (r *Runtime) dial() (client cri.RuntimeServiceClient, done func(), err error) {
	conn, err := grpc.NewClient(r.Endpoint(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))
	if err != nil {
		return nil, nil, fmt.Errorf("containerd: %w", err)
	}
	return cri.NewRuntimeServiceClient(conn), func() { _ = conn.Close() }, nil
}
