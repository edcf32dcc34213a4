package up

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/address"
	"github.com/sluice-dev/sluice/cmd/sluice-local/cluster"
	"github.com/sluice-dev/sluice/cmd/sluice-local/crds"
	"github.com/sluice-dev/sluice/cmd/sluice-local/lock"
	"github.com/sluice-dev/sluice/cmd/sluice-local/pki"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// Run brings the cluster up, serves until ctx is done, and takes it down.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	held, err := lock.Take(cfg.Dir, fmt.Sprintf("sluice-local (process %d, --http %s)", os.Getpid(), cfg.HTTP))
	if err != nil {
		return err
	}
	defer held.Release()
	if err := address.CheckFree(ctx, cfg.HTTP); err != nil {
		return err
	}
	log, file, err := openLog(cfg.Dir)
	if err != nil {
		return err
	}
	defer file.Close()
	tuneMemory()
	return run(ctx, &session{Config: cfg, log: log, start: time.Now()})
}

// session is one cluster from start to end.
type session struct {
	Config
	log     *slog.Logger
	start   time.Time
	claim   *address.Claim
	ca      *pki.Authority
	stack   *stack.Stack
	cluster *cluster.Cluster
}

func run(ctx context.Context, s *session) error {
	claim, err := address.Take(ctx, s.Dir)
	if err != nil {
		return err
	}
	defer claim.Close()
	ca, err := pki.Load(filepath.Join(s.Dir, "pki"))
	if err != nil {
		return err
	}
	s.claim, s.ca, s.stack = claim, ca, stack.New(s.log)
	defer s.stack.Unwind()
	if err := s.bringUp(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while coming up
		}
		return fmt.Errorf("%w\nmore in %s", err, filepath.Join(s.Dir, "log", "cluster.log"))
	}
	select {
	case <-ctx.Done():
		s.say("stopping")
		return nil
	case err := <-s.stack.Fell():
		return err
	}
}

// bringUp starts everything in order; what it started is on the stack.
func (s *session) bringUp(ctx context.Context) error {
	steps := []struct {
		name string
		run  func(context.Context) error
	}{
		{"control plane", s.controlPlane},
		{"istio kinds", func(ctx context.Context) error { return crds.Apply(ctx, s.cluster.Admin()) }},
	}
	for _, step := range steps {
		began := time.Now()
		if err := step.run(ctx); err != nil {
			return err
		}
		s.log.Info("step done", "step", step.name, "took", time.Since(began))
	}
	fmt.Fprintf(s.Out, "ready %s (%.1fs) kubeconfig %s\n", s.cluster.Server(), time.Since(s.start).Seconds(), s.kubeconfig())
	return nil
}

func (s *session) controlPlane(ctx context.Context) error {
	c, err := cluster.New(cluster.Config{
		Dir: filepath.Join(s.Dir, "cluster"), Listener: s.claim.API, Authority: s.ca, Stack: s.stack, Log: s.log,
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

func (s *session) kubeconfig() string { return filepath.Join(s.Dir, "kubeconfig") }

// say tells the user something.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}
