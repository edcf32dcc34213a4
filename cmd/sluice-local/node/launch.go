package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// run is one run of a container.
type run struct {
	plan
	id      string
	at      time.Time
	proc    *shim.Process
	out     *crilog.Log
	logPath string
	copying sync.WaitGroup
}

// launch starts the process that was planned.
func (c *container) launch(made plan) (*run, error) {
	r := &run{plan: made, id: fmt.Sprintf("process://%s-%s-%d", c.pod.uid, c.name, c.attempt), logPath: c.logPath(c.attempt)}
	if err := c.layOut(r); err != nil {
		return nil, err
	}
	if err := c.execute(r); err != nil {
		return nil, errors.Join(err, r.out.Close())
	}
	c.mu.Lock()
	c.proc, c.out, c.cmd, c.image = r.proc, r.out, made.spec.Command, made.image
	c.mu.Unlock()
	c.pod.log.Debug("container started", "container", c.name, "attempt", c.attempt, "after", time.Since(c.pod.seen))
	c.nowRunning(r)
	ref := of(c.pod.current(), c.name)
	c.pod.node.events.normal(ref, reasonCreated, "Container created")
	c.pod.node.events.normal(ref, reasonStarted, "Container started")
	return r, nil
}

// nowRunning has it told that the container runs, at once if it is ready by that.
func (c *container) nowRunning(r *run) {
	c.mu.Lock()
	c.running(&c.status, r)
	ready := c.status.Ready
	c.mu.Unlock()
	if ready {
		c.pod.report.changed()
		return
	}
	c.pod.report.soon()
}

// running is the status of a container that has just begun. It is ready, and
// counts as started, where no probe is there to say so.
func (c *container) running(s *corev1.ContainerStatus, r *run) {
	spec := c.spec()
	started := spec.StartupProbe == nil && (spec.Lifecycle == nil || spec.Lifecycle.PostStart == nil)
	s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(r.at)}}
	s.Image, s.ImageID, s.ContainerID = spec.Image, imageID(r.image), r.id
	s.RestartCount = c.attempt
	s.Started = &started
	s.Ready = started && spec.ReadinessProbe == nil && (!c.init || c.sidecar)
	if started {
		c.begun.raise()
	}
}

// layOut makes the container's directory and log; what the run before the last
// left goes.
func (c *container) layOut(r *run) error {
	if err := shim.Remove(filepath.Dir(r.spec.Dir)); err != nil {
		return err
	}
	if c.attempt >= 2 {
		_ = os.Remove(c.logPath(c.attempt - 2))
		_ = os.Remove(c.logPath(c.attempt-2) + crilog.RotatedSuffix)
	}
	if err := os.MkdirAll(r.spec.Dir, 0o755); err != nil {
		return err
	}
	if r.words != "" {
		if err := writable(r.words); err != nil {
			return err
		}
	}
	if c.pod.node.mode == shim.Copy {
		if err := os.CopyFS(r.spec.Merged(), os.DirFS(r.spec.Lower)); err != nil {
			return fmt.Errorf("copy image: %w", err)
		}
	}
	var err error
	r.out, err = crilog.Create(r.logPath, 0)
	return err
}

// writable makes an empty file that whoever the container runs as may write.
func writable(path string) error {
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		return err
	}
	return os.Chmod(path, 0o666)
}

func (c *container) logPath(attempt int32) string {
	return filepath.Join(c.pod.logDir(), c.name, fmt.Sprintf("%d.log", attempt))
}

// execute starts the process and logs what it prints.
func (c *container) execute(r *run) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, outR.Close())
	}
	defer errW.Close()
	r.at = time.Now()
	if r.proc, err = c.pod.node.keeper.Start(r.spec, null, outW, errW); err != nil {
		return errors.Join(err, outR.Close(), errR.Close())
	}
	r.copy(crilog.Stdout, outR)
	r.copy(crilog.Stderr, errR)
	return nil
}

func (r *run) copy(stream string, from *os.File) {
	r.copying.Go(func() {
		defer from.Close()
		// Only a full disk gets here; the process must not stall on its pipe then.
		if err := r.out.Copy(stream, from); err != nil {
			_, _ = io.Copy(io.Discard, from)
		}
	})
}

// isFile says whether a regular file stands at path.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
