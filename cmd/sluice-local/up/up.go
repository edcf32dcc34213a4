package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/cmd/sluice-local/address"
	"github.com/sluice-dev/sluice/cmd/sluice-local/cluster"
	"github.com/sluice-dev/sluice/cmd/sluice-local/crds"
	"github.com/sluice-dev/sluice/cmd/sluice-local/goimage"
	"github.com/sluice-dev/sluice/cmd/sluice-local/install"
	"github.com/sluice-dev/sluice/cmd/sluice-local/lock"
	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/registry"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
	"github.com/sluice-dev/sluice/cmd/sluice-local/usage"
	"github.com/sluice-dev/sluice/runtime/thrift"
)

// Run brings the cluster up, serves until ctx is done, and takes it down.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if !cfg.NoPlatform {
		sluice, err := install.FindSluice(cfg.Sluice)
		if err != nil {
			return err
		}
		cfg.Sluice = sluice
	}
	s, done, err := open(cfg)
	if err != nil {
		return err
	}
	defer done()
	if err := address.CheckFree(ctx, cfg.HTTP); err != nil {
		return err
	}
	err = s.run(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w\nmore in %s", err, s.logFile())
	}
	return nil // whatever went wrong while being told to stop
}

// open makes a folder, which must exist, this process's own until done.
func open(cfg Config) (s *session, done func(), err error) {
	held, err := lock.Take(cfg.Dir, fmt.Sprintf("sluice-local (process %d, --http %s)", os.Getpid(), cfg.HTTP))
	if err != nil {
		return nil, nil, err
	}
	log, file, err := openLog(cfg.Dir)
	if err != nil {
		return nil, nil, errors.Join(err, held.Release())
	}
	restore := func() {}
	if cfg.Err == os.Stderr {
		if cfg.Err, restore, err = keepTerminal(file); err != nil {
			return nil, nil, errors.Join(err, file.Close(), held.Release())
		}
	}
	thrift.Set(gcPercent)
	return &session{Config: cfg, log: log, start: time.Now()}, func() {
		restore()
		_ = file.Close()
		_ = held.Release()
	}, nil
}

// session is one cluster from start to end.
type session struct {
	Config
	log   *slog.Logger
	start time.Time

	// What bringUp makes, in this order.
	claim   *address.Claim
	machine *containers // of NodeKubelet alone
	ca      *pki.Authority
	nodeCA  *pki.Authority
	frontCA *pki.Authority
	stack   *stack.Stack
	images  *registry.Store
	cluster *cluster.Cluster
	usage   usage.Source   // the node's
	usageAt netip.AddrPort // where it is told
	seeded  bool           // the demo repository is new

	toolchain goimage.Toolchain // this machine's Go, for builds
}

// run serves until ctx is done or a component falls.
func (s *session) run(ctx context.Context) (err error) {
	ctx, fall := context.WithCancelCause(ctx)
	defer fall(nil)
	if s.claim, err = address.Take(ctx, s.Dir); err != nil {
		return err
	}
	defer s.claim.Close()
	s.stack = stack.New(s.log, fall)
	defer s.stack.Unwind()
	if s.Node == NodeKubelet {
		if err := s.takeMachine(ctx); err != nil {
			return err
		}
	}
	if err := s.bringUp(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = cause // a step that failed because a component had fallen
		}
		return err
	}
	s.announce()
	s.giveRoom(ctx)
	s.collectImages(ctx)
	s.followEngine(ctx)
	s.watchRepository(ctx)
	<-ctx.Done()
	s.say("stopping")
	return context.Cause(ctx)
}

// bringUp starts everything in order; what it started is on the stack. Images
// and the repository need no cluster and are made meanwhile.
func (s *session) bringUp(ctx context.Context) error {
	if err := s.openKeys(); err != nil {
		return err
	}
	s.findToolchain(ctx)
	var meanwhile errgroup.Group
	if err := s.openImages(); err != nil {
		return err
	}
	if !s.NoPlatform {
		meanwhile.Go(func() error { return s.step(ctx, "demo", s.demo) })
	}
	err := s.step(ctx, "control plane", s.controlPlane)
	if err == nil {
		meanwhile.Go(func() error {
			return s.step(ctx, "istio kinds", func(ctx context.Context) error { return crds.Apply(ctx, s.cluster.Admin()) })
		})
		err = s.steps(ctx, step{"registry", s.serveImages}, step{"node", s.startNode}, step{"usage", s.serveUsage})
	}
	if err == nil {
		meanwhile.Go(func() error { return s.step(ctx, "usage is known", s.registerUsage) })
	}
	if err := errors.Join(err, meanwhile.Wait()); err != nil {
		return err
	}
	if s.NoPlatform {
		return s.step(ctx, "accounts", s.accounts)
	}
	return s.steps(ctx, step{"platform", s.platform}, step{"front", s.front}, step{"platform serves", s.platformServes}, step{"demo answers", s.demoAnswers})
}

type step struct {
	name string
	run  func(context.Context) error
}

func (s *session) steps(ctx context.Context, all ...step) error {
	for _, st := range all {
		if err := s.step(ctx, st.name, st.run); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step and logs how long it took.
func (s *session) step(ctx context.Context, name string, run func(context.Context) error) error {
	began := time.Now()
	err := run(ctx)
	s.log.Info("step", "name", name, "took", time.Since(began).Round(time.Millisecond), "error", err)
	return err
}

func (s *session) openKeys() (err error) {
	if s.ca, err = pki.Load(filepath.Join(s.Dir, "pki")); err != nil {
		return err
	}
	if s.nodeCA, err = pki.Load(filepath.Join(s.Dir, "pki", "kubelet-clients")); err != nil {
		return err
	}
	s.frontCA, err = pki.Load(filepath.Join(s.Dir, "pki", "front-proxy"))
	return err
}

func (s *session) controlPlane(ctx context.Context) error {
	c, err := cluster.New(cluster.Config{
		Dir: filepath.Join(s.Dir, "cluster"), Listener: s.apiListener(), Endpoints: s.machine != nil, NoSync: s.NoSync,
		Authority: s.ca, KubeletClients: s.nodeCA, FrontProxy: s.frontCA, Stack: s.stack, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.cluster = c
	if err := c.StartAPI(ctx); err != nil {
		return err
	}
	admin := pki.Identity{Name: "admin", Group: pki.AdminGroup}
	if err := s.ca.Kubeconfig(s.kubeconfig(), c.Server(), admin); err != nil {
		return err
	}
	return c.StartControllers(ctx)
}

// apiListener is where the API server serves: on the cluster's own loopback
// network, or where containers can reach it.
func (s *session) apiListener() net.Listener {
	if s.machine != nil {
		return s.machine.api
	}
	return s.claim.API
}

func (s *session) logFile() string { return filepath.Join(s.Dir, "log", "cluster.log") }

func (s *session) kubeconfig() string { return filepath.Join(s.Dir, "kubeconfig") }
