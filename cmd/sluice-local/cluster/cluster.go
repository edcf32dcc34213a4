package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"

	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// Config of a control plane; every field is required.
type Config struct {
	// Dir keeps etcd's data.
	Dir string
	// Listener is where the API server serves; it is closed with it.
	Listener net.Listener
	// Authority issues every certificate but two.
	Authority *pki.Authority
	// KubeletClients issues the certificate that the API server shows to the
	// node. It is an authority of its own, so that nobody else can show one.
	KubeletClients *pki.Authority
	// FrontProxy issues the certificate that the API server shows to the servers
	// of further APIs. It too is an authority of its own.
	FrontProxy *pki.Authority
	// Endpoints has the endpoints of Services kept, the API server's own among
	// them. That takes addresses that are not loopback. Default: they are not.
	Endpoints bool
	// NoSync acknowledges writes before they are on the disk. They survive the end
	// of the process, however it comes, but not that of the machine. Default: they
	// are on the disk first.
	NoSync bool
	// Stack is where the components run.
	Stack *stack.Stack
	// Log gets what the components have to say.
	Log *slog.Logger
}

// Cluster is a control plane being started.
type Cluster struct {
	cfg    Config
	server string
	admin  *rest.Config
	client kubernetes.Interface
}

// New prepares a control plane; nothing runs yet.
func New(cfg Config) (*Cluster, error) {
	c := &Cluster{cfg: cfg, server: "https://" + cfg.Listener.Addr().String()}
	admin, err := cfg.Authority.Rest(c.server, pki.Identity{Name: "sluice-local", Group: pki.AdminGroup})
	if err != nil {
		return nil, err
	}
	c.admin = admin
	compact := rest.CopyConfig(admin) // the node reads every pod several times while it starts
	compact.ContentType = runtime.ContentTypeProtobuf
	compact.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.client, err = kubernetes.NewForConfig(compact)
	return c, err
}

// Server is the API server's URL.
func (c *Cluster) Server() string { return c.server }

// Admin is a client configuration that may do everything, without a limit on
// its requests.
func (c *Cluster) Admin() *rest.Config { return rest.CopyConfig(c.admin) }

// Client is a client made of Admin.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// StartAPI starts etcd and the API server and returns when the API server is
// ready for everything.
func (c *Cluster) StartAPI(ctx context.Context) error {
	setProcessWide(c.cfg.Log)
	if err := os.MkdirAll(c.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	endpoint, err := c.startEtcd(ctx)
	if err != nil {
		return err
	}
	return c.startAPIServer(ctx, endpoint)
}

// StartControllers starts the controller manager and the scheduler; they find
// their feet by themselves.
func (c *Cluster) StartControllers(ctx context.Context) error {
	if err := c.startControllerManager(ctx); err != nil {
		return err
	}
	return c.startScheduler(ctx)
}

// setProcessWide settles what Kubernetes keeps in globals: all components log
// to one place, and feature gates are final before the first of them asks.
func setProcessWide(log *slog.Logger) {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	klog.SetSlogLogger(log.With("from", "kubernetes"))
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
}

// settleFeatures is called after a component's flags are parsed.
func settleFeatures() error {
	return compatibility.DefaultComponentGlobalsRegistry.Set()
}

// kubeconfig writes a component's own credentials beside the authority.
func (c *Cluster) kubeconfig(who pki.Identity) (string, error) {
	path := filepath.Join(filepath.Dir(c.cfg.Authority.CAFile()), who.Name[len("system:"):]+".kubeconfig")
	return path, c.cfg.Authority.Kubeconfig(path, c.server, who)
}

// poll calls ready every few milliseconds until it says so or ctx ends.
func (c *Cluster) poll(ctx context.Context, what string, ready func(context.Context) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready(ctx) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready: %w", what, context.Cause(ctx))
		}
	}
}
