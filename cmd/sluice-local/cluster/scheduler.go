package cluster

import (
	"context"
	"fmt"
	"time"

	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

func (c *Cluster) startScheduler(ctx context.Context) error {
	const name = "kube-scheduler"
	config, err := c.kubeconfig(pki.Identity{Name: "system:kube-scheduler", Group: pki.AdminGroup})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	opts := options.NewOptions()
	err = parse(*opts.Flags, []string{
		"--kubeconfig=" + config, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=" + clientQPS, "--kube-api-burst=" + clientBurst,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.cfg.Stack.Push(ctx, stack.Component{Name: name, Grace: 2 * time.Second, Run: func(ctx context.Context) error {
		cfg, sched, err := scheduler.Setup(ctx, opts)
		if err != nil {
			return err
		}
		return scheduler.Run(ctx, cfg, sched)
	}})
	return nil
}
