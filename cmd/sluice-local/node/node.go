package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// Node runs the pods that are scheduled to it.
type Node struct {
	cfg       Config
	log       *slog.Logger
	dir       string
	timing    timing
	addresses *addresses
	ports     *ports
	images    imageCache
	events    events
	resources corev1.ResourceList

	// Set by Run before pods come.
	uid     types.UID
	apiPort int32
	keeper  *shim.Keeper
	mode    shim.Mode

	mu   sync.Mutex // guards pods
	pods map[types.UID]*pod
	work sync.WaitGroup
}

// New makes a node. It touches nothing yet.
func New(cfg Config) (*Node, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Node{
		cfg:       cfg,
		log:       cfg.Log,
		dir:       filepath.Join(cfg.Dir, "node"),
		timing:    realTiming(),
		addresses: newAddresses(cfg.PodCIDR),
		ports:     newPorts(),
		images:    imageCache{images: cfg.Images, known: map[string]Image{}},
		pods:      map[types.UID]*pod{},
	}, nil
}

// Run is the node's life. When it returns, no process of any pod is left. The
// pods stay in the API, and are started again by the next Run.
func (n *Node) Run(ctx context.Context) error {
	if err := n.prepare(); err != nil {
		return err
	}
	defer n.keeper.Close()
	listener, err := net.Listen("tcp", net.JoinHostPort(n.cfg.IP, "0"))
	if err != nil {
		return fmt.Errorf("node %s: kubelet API: %w", n.cfg.Name, err)
	}
	n.apiPort = int32(listener.Addr().(*net.TCPAddr).Port)
	n.events = startEvents(n.cfg.Client, n.cfg.Name)
	defer n.events.stop()
	if err := n.register(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	n.log.Info("node runs", "node", n.cfg.Name, "isolation", n.mode, "address", listener.Addr())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.serve(ctx, listener) })
	group.Go(func() error { return n.heartbeat(ctx) })
	group.Go(func() error { return n.watch(ctx) })
	group.Go(func() error { return n.mind(ctx) })
	err = group.Wait()
	n.stopPods()
	return err
}

// prepare cleans up after an earlier run and starts the keeper.
func (n *Node) prepare() error {
	for _, d := range []string{n.podsDir(), n.logsDir()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("node %s: %w", n.cfg.Name, err)
		}
	}
	if err := sweep(n.dir, n.podsDir()); err != nil {
		return fmt.Errorf("node %s: clean up after an earlier run: %w", n.cfg.Name, err)
	}
	n.mode = n.cfg.Mode
	if n.mode == "" {
		var refused error
		if n.mode, refused = shim.Detect(n.dir); refused != nil {
			n.log.Warn("containers cannot be kept apart as they should be", "isolation", n.mode, "refused", refused)
		}
	}
	n.resources = capacity(n.dir)
	var err error
	n.keeper, err = shim.NewKeeper(n.mode, shim.Mark(n.dir))
	return err
}

// mind ends the node when its keeper ends: nothing can be started without.
func (n *Node) mind(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.keeper.Dead():
		return fmt.Errorf("node %s: the keeper of its containers has died", n.cfg.Name)
	}
}

func (n *Node) podsDir() string { return filepath.Join(n.dir, "pods") }
func (n *Node) logsDir() string { return filepath.Join(n.dir, "logs") }

// serve answers the API server until ctx ends.
func (n *Node) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: n.handler(), ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{n.cfg.ServingCert},
		ClientCAs:    n.cfg.ClientCA,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"}, // exec upgrades its connection
	}))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("node %s: kubelet API: %w", n.cfg.Name, err)
}
