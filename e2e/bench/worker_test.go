package bench

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/appliers/lastgood"
	"github.com/sluice-dev/sluice/cmd/sluice/role"
	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
)

// workerConfig is what the engine's process is told.
type workerConfig struct {
	Kubeconfig, Repository string
	// Profile is what the files with profiles begin with; empty makes none.
	Profile string
}

// event is one line that the engine's process says: what happened, and when.
type event struct {
	At   time.Time
	Kind string // one of the constants below
	// Commit that was seen, that a step is for, or that a report is about.
	Commit string `json:",omitempty"`
	// Action, Object and Error of a step.
	Action, Object, Error string `json:",omitempty"`
	// Report is what a report says as a whole, Specs of how many specs.
	Report status.State `json:",omitempty"`
	Specs  int          `json:",omitempty"`
	// Took is how long a pass was, or a step.
	Took time.Duration `json:",omitempty"`
	// Requests by verb, Sent and Received bytes: so far.
	Requests       map[string]int64 `json:",omitempty"`
	Sent, Received int64            `json:",omitempty"`
}

const (
	seen     = "seen"   // a commit was looked at that is new
	stepped  = "step"   // a step was done, or failed
	reported = "report" // the engine had something new to report
	passed   = "pass"   // a pass that was asked for has ended
	counted  = "counts" // the requests that were asked for
)

// What the engine's process is asked for, a line each.
const (
	askPass   = "pass"
	askCounts = "counts"
)

// worker is the engine in a process of its own, and what it says of itself.
type worker struct {
	parts parts
	says  chan event
	// asked is when a pass was asked for, in Unix nanoseconds; 0 if none was.
	asked atomic.Int64
	// stop ends the profiles, while what is in the heap is still in use.
	stop func() error
}

// work is the engine's process: it runs until its input ends.
func work(text string) error {
	var cfg workerConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	role.TuneMemory()
	stop, err := profile(cfg.Profile)
	if err != nil {
		return err
	}
	w := &worker{says: make(chan event, 64), stop: stop}
	g, ctx := errgroup.WithContext(context.Background())
	g.Go(func() error { return w.speak(ctx) })
	g.Go(func() error { return w.run(ctx, cfg) })
	if err := g.Wait(); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// errDone ends the process: its input has ended.
var errDone = errors.New("done")

// run wires the engine as its role does, listens to it and to the input.
func (w *worker) run(ctx context.Context, cfg workerConfig) error {
	repository, err := git.New(git.Config{URL: cfg.Repository})
	if err != nil {
		return err
	}
	defer repository.Close()
	if w.parts, err = open(cfg.Kubeconfig); err != nil {
		return err
	}
	kept, err := lastgood.New(lastgood.Config{Source: repository, Name: repository.String() + " main", Client: w.parts.client, Log: w.parts.log})
	if err != nil {
		return err
	}
	c := w.parts.config(ctx, repository)
	c.Repository, c.References, c.Watcher = looked{kept, w}, repository, watched{repository, w}
	c.Applier = w.applied(c.Applier)
	c.Reporter = told{c.Reporter, w}
	e, err := engine.New(c)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.parts.run(ctx) })
	g.Go(func() error { return kept.Run(ctx) })
	g.Go(func() error { return e.Run(ctx) })
	g.Go(func() error { return w.listen(ctx, repository.Hint) })
	return g.Wait()
}

// listen does what the input asks for.
func (w *worker) listen(ctx context.Context, look func()) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			switch {
			case !more:
				return cmp.Or(w.stop(), errDone)
			case line == askPass:
				w.asked.Store(time.Now().UnixNano())
				look()
			case line == askCounts:
				w.say(event{Kind: counted, Requests: w.parts.requests.Counts(), Sent: w.parts.wire.sent.Load(), Received: w.parts.wire.received.Load()})
			default:
				return fmt.Errorf("asked for %q", line)
			}
		}
	}
}

func (w *worker) say(e event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	w.says <- e
}

// speak writes what happened to the output, in one piece what is there at once.
func (w *worker) speak(ctx context.Context) error {
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-w.says:
			if err := encoder.Encode(e); err != nil {
				return err
			}
			if len(w.says) > 0 {
				continue
			}
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// looked is a repository that says when a commit is seen.
type looked struct {
	*lastgood.Repository
	w *worker
}

// Head looks at the branch. A commit counts as seen when the look began.
func (r looked) Head(ctx context.Context) (git.Snapshot, error) {
	began := time.Now()
	s, err := r.Repository.Head(ctx)
	if err == nil && s.Previous != s.Commit.Hash {
		r.w.say(event{At: began, Kind: seen, Commit: s.Commit.Hash})
	}
	return s, err
}

// watched is a watcher that says when a pass has ended.
type watched struct {
	*git.Repository
	w *worker
}

// Changes is what the engine waits for when a pass has ended.
func (r watched) Changes() <-chan struct{} {
	if at := r.w.asked.Swap(0); at != 0 {
		r.w.say(event{Kind: passed, Took: time.Since(time.Unix(0, at))})
	}
	return r.Repository.Changes()
}

// applied is an applier that says what it did.
func (w *worker) applied(a engine.Applier) engine.Applier {
	return engine.ApplierFunc(func(ctx context.Context, step plan.Step) plan.Outcome {
		began := time.Now()
		o := a.Apply(ctx, step)
		e := event{Kind: stepped, Took: time.Since(began), Action: step.Action.String(), Object: step.ID.String(), Commit: step.Stamps[annotationCommit]}
		if o.Err != nil {
			e.Error = o.Err.Error()
		}
		w.say(e)
		return o
	})
}

// told is a reporter that says what is reported.
type told struct {
	engine.Reporter
	w *worker
}

// Report hands a report on.
func (r told) Report(prev, next status.Report) {
	r.w.say(event{Kind: reported, Commit: next.Commit, Report: next.State, Specs: len(next.Specs), Error: next.Error})
	r.Reporter.Report(prev, next)
}
