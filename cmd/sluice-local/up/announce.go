package up

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/sluice-dev/sluice/cmd/sluice-local/follow"
	"github.com/sluice-dev/sluice/cmd/sluice-local/install"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// say tells the user something.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// isDemo reports whether the repository is the one made here.
func (s *session) isDemo() bool { return s.Repo == filepath.Join(s.Dir, "demo.git") }

// announce prints the line that scripts wait for, then what a person may want
// to type next.
func (s *session) announce() {
	took := time.Since(s.start).Seconds()
	if s.NoPlatform {
		fmt.Fprintf(s.Out, "ready %s after %.1f s\n", s.cluster.Server(), took)
		s.say("\n  kubectl --kubeconfig %s get nodes\n", s.shown(s.kubeconfig()))
		return
	}
	fmt.Fprintf(s.Out, "ready http://%s after %.1f s\n", s.HTTP, took)
	_, port, _ := net.SplitHostPort(s.HTTP) // it is listened on
	s.say("\nServices answer at http://NAME.NAMESPACE.localhost:%s; %s of %s is deployed.", port, s.Branch, s.shown(s.Repo))
	s.say("Ctrl-C stops everything; the next up resumes. Next, in another terminal:\n")
	if s.isDemo() {
		s.say("  curl http://%s:%s", demoHost, port)
		s.say("  git clone %s && cd demo   # change TARGET, commit, push, curl again", s.shown(s.Repo))
	} else {
		s.say("  git push                  # to %s, branch %s", s.shown(s.Repo), s.Branch)
		s.say("  sluice --kubeconfig %s status", s.shown(s.kubeconfig()))
	}
	s.say("  kubectl --kubeconfig %s get deployments,pods,virtualservices -A\n", s.shown(s.kubeconfig()))
}

// shown is a path as short as it can be typed.
func (s *session) shown(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// followEngine shows what the engine does from now on.
func (s *session) followEngine(ctx context.Context) {
	if s.NoPlatform {
		return
	}
	s.stack.Push(ctx, stack.Component{Name: "live log", Run: func(ctx context.Context) error {
		return follow.Run(ctx, follow.Config{
			Client: s.cluster.Client(), Namespace: install.Namespace,
			Selector: "app.kubernetes.io/component=" + install.Engine, Since: time.Now(), Out: s.Err,
		})
	}})
}
