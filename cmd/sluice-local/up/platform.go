package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/sluice-dev/sluice/cmd/sluice-local/install"
	"github.com/sluice-dev/sluice/cmd/sluice-local/network"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// demoHost is where the demo answers; demoPatience how long it may take.
const (
	demoHost     = demoName + ".default.localhost"
	demoPatience = 30 * time.Second
)

// platform installs Sluice itself.
func (s *session) platform(ctx context.Context) error {
	builds, err := s.buildFlags()
	if err != nil {
		return err
	}
	return install.Run(ctx, install.Config{
		Builds: builds,
		Sluice: s.Sluice, Images: s.images, Repo: s.Repo, Branch: s.Branch, HTTP: s.listen(), Events: filepath.Join(s.Dir, "events"),
		Admin: s.cluster.Admin(), Client: s.cluster.Client(), Log: s.log,
	})
}

// listen is the address of the node on which the activator serves: none where
// it has a Service for that, as in any cluster.
func (s *session) listen() string {
	if s.machine != nil {
		return ""
	}
	return s.HTTP
}

// front leads the user's address to that Service.
func (s *session) front(ctx context.Context) error {
	if s.machine == nil {
		return nil
	}
	svc, err := s.cluster.Client().CoreV1().Services(install.Namespace).Get(ctx, install.Ingress, metav1.GetOptions{})
	if err != nil {
		return err
	}
	to := net.JoinHostPort(svc.Spec.ClusterIP, strconv.Itoa(int(svc.Spec.Ports[0].Port)))
	var lc net.ListenConfig
	from, err := lc.Listen(ctx, "tcp", s.HTTP)
	if err != nil {
		return fmt.Errorf("--http: %w", err)
	}
	s.stack.Push(ctx, stack.Component{Name: "front", Run: func(ctx context.Context) error { return network.Forward(ctx, from, to) }})
	return nil
}

// platformServes returns when somebody listens where services should answer.
// After a restart the cluster remembers as available what is only being started.
func (s *session) platformServes(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, pollEvery, true, func(ctx context.Context) (bool, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", s.HTTP)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

// demoAnswers returns when the demo serves. The user may have pushed something
// else to the demo repository in an earlier run, so only a new one must answer.
func (s *session) demoAnswers(ctx context.Context) error {
	if !s.isDemo() {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(waiting, pollEvery, true, func(ctx context.Context) (bool, error) {
		last = ask(ctx, s.HTTP, demoHost)
		return last == nil, nil
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case s.seeded:
		return fmt.Errorf("%s: does not answer after %v: %w", demoHost, demoPatience, last)
	}
	s.say("note: %s does not answer (%v)", demoHost, last)
	return nil
}

// ask makes one request to a host by way of the platform's address.
func ask(ctx context.Context, at, host string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/", nil)
	if err != nil {
		return err
	}
	req.Host, req.Close = host, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return errors.New(resp.Status + " " + string(text))
	}
	return nil
}
