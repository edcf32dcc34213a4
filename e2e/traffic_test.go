package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// traffic is a client that never stops asking a service.
type traffic struct {
	host     string
	answered int
	failed   []string
}

// ask asks host again and again until the returned function is called, which
// fails the test if any answer was none of texts.
func ask(t *testing.T, host string, texts ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{host: host}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			tr.once(texts)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if len(tr.failed) > 0 {
			t.Errorf("%s: %d of %d requests failed, first %s", host, len(tr.failed), tr.answered+len(tr.failed), tr.failed[0])
		} else if tr.answered == 0 {
			t.Errorf("%s: nobody asked", host)
		}
		t.Logf("%s: %d requests answered", host, tr.answered)
	})
	t.Cleanup(stop)
	return stop
}

func (tr *traffic) once(texts []string) {
	code, body := get(tr.host)
	if code == 200 && slices.Contains(texts, body) {
		tr.answered++
		return
	}
	tr.failed = append(tr.failed, fmt.Sprintf("HTTP %d %s", code, body))
}

// host is where a service of the namespace default answers.
func host(name string) string { return name + ".default.localhost" }

// helloService is a manifest of a Service that answers `Hello TARGET!`.
func helloService(name, target string) string {
	return fmt.Sprintf(serviceManifest, name, helloImage, target)
}

// hello is what it answers.
func hello(target string) string { return "Hello " + target + "!" }
