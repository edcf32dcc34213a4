package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// controllers lists the controllers that one node on loopback has a use for.
// Left out are those for storage, cloud, several nodes, and certificates asked
// for through the API.
var controllers = []string{
	"clusterrole-aggregation-controller", "cronjob-controller", "daemonset-controller", "deployment-controller",
	"disruption-controller", "garbage-collector-controller", "horizontal-pod-autoscaler-controller", "job-controller",
	"namespace-controller", "pod-garbage-collector-controller", "replicaset-controller", "replicationcontroller-controller",
	"resourcequota-controller", "root-ca-certificate-publisher-controller", "serviceaccount-controller",
	"serviceaccount-token-controller", "statefulset-controller", "ttl-after-finished-controller",
}

// endpointControllers keep the endpoints of Services.
var endpointControllers = []string{"endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"}

// Requests per second a component's client may make. They sit in one process
// and wait for nobody; the defaults (20, 50) would hold back a burst of pods.
const (
	clientQPS   = "1000"
	clientBurst = "2000"
)

// hpaPeriod is how often HorizontalPodAutoscalers look at what pods use. Asking
// costs next to nothing here; the default is 15s.
const hpaPeriod = "5s"

func (c *Cluster) startControllerManager(ctx context.Context) error {
	const name = "kube-controller-manager"
	config, err := c.kubeconfig(pki.Identity{Name: "system:kube-controller-manager", Group: pki.AdminGroup})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	tokens, err := c.cfg.Authority.TokenKeyFile()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	wanted := controllers
	if c.cfg.Endpoints {
		wanted = slices.Concat(controllers, endpointControllers)
	}
	opts, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err = parse(opts.Flags(kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases()), []string{
		"--kubeconfig=" + config, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--controllers=" + strings.Join(wanted, ","),
		"--service-account-private-key-file=" + tokens, "--root-ca-file=" + c.cfg.Authority.CAFile(),
		"--kube-api-qps=" + clientQPS, "--kube-api-burst=" + clientBurst, "--kube-api-content-type=application/vnd.kubernetes.protobuf",
		"--terminated-pod-gc-threshold=200", "--controller-shutdown-timeout=1s",
		"--horizontal-pod-autoscaler-sync-period=" + hpaPeriod,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.cfg.Stack.Push(ctx, stack.Component{Name: name, Grace: 2 * time.Second, Run: func(ctx context.Context) error {
		cfg, err := opts.Config(ctx, kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases())
		if err != nil {
			return err
		}
		return kcm.Run(ctx, cfg.Complete())
	}})
	return nil
}
