package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// serviceRange is where cluster IPs come from. Where pods are processes nothing
// routes it: there Services are names for the gateway.
const serviceRange = "10.96.0.0/16"

// admissionOff lists admission plugins that guard what is not here: storage,
// certificates asked for through the API, ingress classes. The not-ready taint
// is off because no node lifecycle controller would take it away.
var admissionOff = []string{
	"CertificateApproval", "CertificateSigning", "CertificateSubjectRestriction", "ClusterTrustBundleAttest",
	"DefaultIngressClass", "DefaultStorageClass", "PersistentVolumeClaimResize", "StorageObjectInUseProtection",
	"TaintNodesByCondition",
}

func (c *Cluster) startAPIServer(ctx context.Context, etcd string) error {
	flags, err := c.apiServerFlags(etcd)
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	opts := options.NewServerRunOptions()
	if err := parse(opts.Flags(), flags); err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	if err := settleFeatures(); err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	opts.SecureServing.Listener = c.cfg.Listener
	// The server's own context ends with its floor of the stack, not with ctx.
	c.cfg.Stack.Push(ctx, stack.Component{Name: "kube-apiserver", Grace: 4 * time.Second, Run: func(ctx context.Context) error {
		completed, err := opts.Complete(ctx)
		if err != nil {
			return err
		}
		if errs := completed.Validate(); len(errs) > 0 {
			return errors.Join(errs...)
		}
		return apiserver.Run(ctx, completed)
	}})
	return c.poll(ctx, "kube-apiserver", c.apiServerReady)
}

func (c *Cluster) apiServerReady(ctx context.Context) bool {
	code := 0
	c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&code)
	return code == http.StatusOK
}

func (c *Cluster) apiServerFlags(etcd string) ([]string, error) {
	ca := c.cfg.Authority
	ip := c.cfg.Listener.Addr().(*net.TCPAddr)
	cert, key, err := ca.Files("apiserver", pki.Identity{Name: "kube-apiserver", IPs: []net.IP{ip.IP, {127, 0, 0, 1}, {10, 96, 0, 1}}, DNS: []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}})
	if err != nil {
		return nil, err
	}
	kubeletCert, kubeletKey, err := c.cfg.KubeletClients.Files("apiserver", pki.Identity{Name: "kube-apiserver-kubelet-client"})
	if err != nil {
		return nil, err
	}
	proxyCert, proxyKey, err := c.cfg.FrontProxy.Files("apiserver", pki.Identity{Name: "kube-apiserver-front-proxy"})
	if err != nil {
		return nil, err
	}
	tokens, err := ca.TokenKeyFile()
	if err != nil {
		return nil, err
	}
	flags := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=" + ip.IP.String(), "--advertise-address=" + ip.IP.String(), fmt.Sprintf("--secure-port=%d", ip.Port),
		"--tls-cert-file=" + cert, "--tls-private-key-file=" + key, "--client-ca-file=" + ca.CAFile(),
		"--anonymous-auth=false", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--kubelet-client-certificate=" + kubeletCert, "--kubelet-client-key=" + kubeletKey,
		"--kubelet-certificate-authority=" + ca.CAFile(), "--kubelet-preferred-address-types=InternalIP",
		"--proxy-client-cert-file=" + proxyCert, "--proxy-client-key-file=" + proxyKey,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + tokens, "--service-account-signing-key-file=" + tokens,
		"--service-cluster-ip-range=" + serviceRange,
		"--disable-admission-plugins=" + strings.Join(admissionOff, ","),
		// One user: nobody to be fair to.
		"--enable-priority-and-fairness=false", "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
		"--profiling=false", "--event-ttl=1h",
		"--shutdown-delay-duration=0s", "--shutdown-watch-termination-grace-period=0s",
	}
	if !c.cfg.Endpoints {
		flags = append(flags, "--endpoint-reconciler-type=none")
	}
	return flags, nil
}

// parse fills a component's options the way its command line would.
func parse(sets cliflag.NamedFlagSets, args []string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, name := range sets.Order {
		all.AddFlagSet(sets.FlagSets[name])
	}
	return all.Parse(args)
}
