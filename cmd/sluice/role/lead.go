package role

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Lease times: a leader that is gone without a word is followed after at most
// leaseDuration; one that stops gives the lease back at once.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// lead runs work while this process holds the lease of that name. It returns when
// ctx ends, when work ends, or when the lease was lost: then the process ends
// and is started anew, so that no half of it goes on.
func (c *cluster) lead(ctx context.Context, lease, identity string, log *slog.Logger, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	var began atomic.Bool
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: contract.Namespace, Name: lease},
			Client:     c.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		ReleaseOnCancel: true,
		LeaseDuration:   leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				log.Info("leading")
				began.Store(true)
				done <- work(ctx)
				stop()
			},
			OnStoppedLeading: func() { log.Info("no longer leading") },
		},
	})
	if !began.Load() {
		return nil
	}
	return <-done
}

// self is the pod's name: unique, and the same after a restart of its
// container, so that a killed engine leads again at once. Outside a pod it is
// the host's name and the time.
func self() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "-" + time.Now().UTC().Format("150405.000000000")
}
