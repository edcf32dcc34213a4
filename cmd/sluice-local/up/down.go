package up

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sluice-dev/sluice/cmd/sluice-local/address"
	"github.com/sluice-dev/sluice/cmd/sluice-local/lock"
	"github.com/sluice-dev/sluice/cmd/sluice-local/machine"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// Down ends the pods of the cluster that was killed on this machine, and gives
// the machine back; where nothing is left it says so. The cluster's folder
// stays: the next Run of it starts its pods anew. One that runs is refused.
func Down(ctx context.Context, cfg Config) error {
	dir, err := machine.Left()
	if err != nil {
		return err
	}
	if dir == "" {
		fmt.Fprintln(cfg.Out, "nothing is left on this machine")
		return nil
	}
	cfg.Dir, cfg.Node = dir, NodeKubelet
	gone, err := ensure(dir)
	if err != nil {
		return err
	}
	s, done, err := open(cfg)
	var runs *lock.HeldError
	if errors.As(err, &runs) {
		return fmt.Errorf("%s: the cluster runs, in %s; end that process with Ctrl-C or SIGTERM", dir, runs.Holder)
	}
	if err != nil {
		return err
	}
	defer done()
	if err := s.down(ctx); err != nil {
		return fmt.Errorf("%w\nmore in %s", err, s.logFile())
	}
	if gone { // it was made for this
		err = os.RemoveAll(dir)
	}
	fmt.Fprintf(cfg.Out, "the pods of the cluster in %s are ended\n", dir)
	return err
}

// ensure makes a folder and reports whether it was not there.
func ensure(dir string) (made bool, err error) {
	_, err = os.Stat(dir)
	made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return made, fmt.Errorf("--dir: %w", err)
	}
	return made, nil
}

// down starts as much of the cluster as knows its pods, and stops it.
func (s *session) down(ctx context.Context) (err error) {
	ctx, fall := context.WithCancelCause(ctx)
	defer fall(nil)
	if s.claim, err = address.Take(ctx, s.Dir); err != nil {
		return err
	}
	defer s.claim.Close()
	s.stack = stack.New(s.log, fall)
	err = s.takeMachine(ctx)
	if err == nil {
		_, err = s.takePods(ctx, "")
	}
	s.stack.Unwind()
	left, stillThere := machine.Left()
	if left != "" {
		stillThere = errors.New("not all of it could be ended")
	}
	return errors.Join(err, stillThere)
}
