package up

import (
	"context"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/install"
	"github.com/sluice-dev/sluice/cmd/sluice-local/stack"
)

// repositoryEvery is how often the repository's folder is looked at.
const repositoryEvery = time.Second

// watchRepository starts the engine anew when another folder stands where the
// repository was: what is mounted in the engine's pod is still the old one.
func (s *session) watchRepository(ctx context.Context) {
	first, err := os.Stat(s.Repo)
	if s.NoPlatform || err != nil {
		return // a URL
	}
	s.stack.Push(ctx, stack.Component{Name: "repository", Run: func(ctx context.Context) error {
		onReplaced(ctx, s.Repo, first, repositoryEvery, func() error {
			s.log.Info("repository was replaced; starting the engine anew", "path", s.Repo)
			return s.cluster.Client().CoreV1().Pods(install.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{},
				metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + install.Engine})
		})
		return nil
	}})
}

// onReplaced calls replaced each time another folder than the one seen last
// stands at path, again and again until it succeeds, and returns when ctx ends.
// While nothing is there nothing happens.
func onReplaced(ctx context.Context, path string, seen os.FileInfo, every time.Duration, replaced func() error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := os.Stat(path)
		if err == nil && !os.SameFile(seen, now) && replaced() == nil {
			seen = now
		}
	}
}
