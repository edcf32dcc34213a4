package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kube "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-dev/sluice/appliers"
	"github.com/sluice-dev/sluice/appliers/farewell"
	"github.com/sluice-dev/sluice/appliers/inventory"
	"github.com/sluice-dev/sluice/appliers/istio"
	"github.com/sluice-dev/sluice/appliers/jobs"
	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/appliers/report"
	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/cmd/sluice/verb"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// LocalKubeconfig is where the one-machine cluster leaves its kubeconfig.
const LocalKubeconfig = ".sluice/kubeconfig"

// Parts opens clusters and repositories for the verbs.
type Parts struct{}

var _ verb.Parts = Parts{}

// Cluster opens the cluster of a kubeconfig; "" searches for one.
func (Parts) Cluster(kubeconfig string) (verb.Cluster, error) {
	return open(kubeconfig, slog.New(slog.DiscardHandler))
}

// Repository opens a repository. Nothing is read yet.
func (Parts) Repository(cfg git.Config) (engine.Repository, error) { return git.New(cfg) }

// cluster is an open cluster and the parts that face it.
type cluster struct {
	rest      *rest.Config
	api       *kubernetes.API
	client    kube.Interface
	observer  *kubernetes.Observer
	applier   appliers.ByKind
	inventory *inventory.Inventory
	pods      *kubernetes.Pods
	// requests counts what the engine sends.
	requests *appliers.Requests
}

// applySet is the id that marks everything that is ours.
var applySet = inventory.ID(contract.InventoryConfigMap, contract.Namespace)

// open connects the parts. No request is made.
func open(kubeconfig string, log *slog.Logger) (*cluster, error) {
	rc, err := restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	c := &cluster{rest: rc, requests: &appliers.Requests{}}
	if c.api, err = kubernetes.NewAPI(kubernetes.APIConfig{REST: rc, Wrap: c.requests.Wrap}); err != nil {
		return nil, err
	}
	if c.client, err = kube.NewForConfigAndClient(compact(c.api.REST()), c.api.Client()); err != nil {
		return nil, err
	}
	if c.observer, err = kubernetes.NewObserver(kubernetes.ObserverConfig{API: c.api, ApplySet: applySet, Log: log}); err != nil {
		return nil, err
	}
	if c.inventory, err = inventory.New(inventory.Config{API: c.api}); err != nil {
		return nil, err
	}
	if c.pods, err = kubernetes.NewPods(kubernetes.PodsConfig{API: c.api}); err != nil {
		return nil, err
	}
	return c, c.openAppliers(log)
}

// compact has Kubernetes' own kinds travel in the form that costs both sides
// least to read: who watches pods for a start reads each several times.
func compact(rc *rest.Config) *rest.Config {
	rc.ContentType = runtime.ContentTypeProtobuf
	rc.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return rc
}

// openAppliers gives Istio's kinds their typed client, and all others the
// generic one.
func (c *cluster) openAppliers(log *slog.Logger) error {
	generic, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: c.api, ApplySet: applySet})
	if err != nil {
		return err
	}
	writer, err := istio.New(istio.Config{REST: c.api.REST(), Client: c.api.Client()})
	if err != nil {
		return err
	}
	mesh, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: writer, ApplySet: applySet})
	if err != nil {
		return err
	}
	runs, err := jobs.New(jobs.Config{Next: c.api, Client: c.client})
	if err != nil {
		return err
	}
	builds, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: runs, ApplySet: applySet})
	if err != nil {
		return err
	}
	c.applier = appliers.ByKind{Default: generic, Kinds: map[manifest.Kind]appliers.Applier{}}
	for _, kind := range istio.Kinds() {
		c.applier.Kinds[kind] = mesh
	}
	for _, kind := range jobs.Kinds() {
		c.applier.Kinds[kind] = builds
	}
	return c.openFarewells(log)
}

// openFarewells has what sources have outside the cluster removed with them.
func (c *cluster) openFarewells(log *slog.Logger) error {
	for _, kind := range farewell.Kinds() {
		next, ok := c.applier.Kinds[kind]
		if !ok {
			next = c.applier.Default
		}
		a, err := farewell.New(farewell.Config{Next: next, Client: c.client, ApplySet: applySet, Log: log})
		if err != nil {
			return err
		}
		c.applier.Kinds[kind] = a
	}
	return nil
}

// restConfig finds the cluster: the flag, $KUBECONFIG, the one-machine
// cluster's file in this folder, or the pod's own account.
func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		kubeconfig = os.Getenv("KUBECONFIG")
	}
	if kubeconfig == "" {
		if rc, err := rest.InClusterConfig(); err == nil {
			return rc, nil
		}
		if _, err := os.Stat(LocalKubeconfig); err != nil {
			return nil, errors.New("no cluster: give --kubeconfig FILE or set KUBECONFIG, or start one here with `make run`")
		}
		kubeconfig = LocalKubeconfig
	}
	path, err := filepath.Abs(kubeconfig)
	if err != nil {
		return nil, err
	}
	rc, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	return rc, nil
}

// Settings are what the cluster was installed with.
func (c *cluster) Settings(ctx context.Context) (install.Settings, error) {
	cm, err := c.client.CoreV1().ConfigMaps(contract.Namespace).Get(ctx, install.ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return install.Settings{}, fmt.Errorf("sluice is not installed in this cluster (no ConfigMap %s/%s): see `sluice install --help`", contract.Namespace, install.ConfigMap)
	}
	if err != nil {
		return install.Settings{}, fmt.Errorf("cluster %s: %w", c.rest.Host, err)
	}
	return install.Decode(cm.Data)
}

// Report is what the cluster's engine said last.
func (c *cluster) Report(ctx context.Context) (status.Report, error) {
	return report.Read(ctx, c.client)
}

// FarewellAgain has a failed farewell tried once more.
func (c *cluster) FarewellAgain(ctx context.Context, namespace, job string) (string, error) {
	return farewell.Again(ctx, c.client, namespace, job)
}

// Config is an engine's half that faces the cluster.
func (c *cluster) Config() engine.Config {
	cfg := engine.Config{Observer: c.observer, Applier: c.applier, Inventory: c.inventory, Inspector: c.pods}
	cfg.Render.ApplySet = applySet
	return cfg
}
