package jetstream

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// envChild makes this test binary a process that publishes and receives on a
// directory until it is killed.
const envChild = "SLUICE_JETSTREAM_CHILD"

// child prints "stored X" when Publish has returned for X, and "handled X"
// before X is settled.
func child(dir string) {
	b, err := Open(Config{Dir: dir, Log: quiet(), Lease: time.Second})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	ctx := context.Background()
	if err = b.EnsureTopic(ctx, bus.TopicSpec{Name: "t"}); err == nil {
		err = b.EnsureSubscription(ctx, bus.SubscriptionSpec{Topic: "t", Name: "s"})
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	topic := bus.NewTopic(b, b.Promises(), "t")
	if os.Getenv(envChild+"_READ") == "" {
		for p := range 4 {
			go func() {
				for n := 0; ; n++ {
					body := fmt.Sprintf("%d-%d-%d", os.Getpid(), p, n)
					if topic.Publish(ctx, &bus.Message{Key: fmt.Sprint(p), Body: []byte(body)}) == nil {
						fmt.Println("stored", body)
					}
				}
			}()
		}
	}
	if os.Getenv(envChild+"_SEEK") != "" {
		go func() {
			for {
				time.Sleep(20 * time.Millisecond)
				_ = b.Seek(ctx, "t", "s", bus.Earliest())
			}
		}()
	}
	s := bus.NewSubscription(bus.SubscriptionConfig{Driver: b, Topic: "t", Name: "s", Log: quiet(), Policy: bus.Policy{Concurrency: 8}})
	_ = s.Run(ctx, func(_ context.Context, m *bus.Message) bus.Verdict {
		fmt.Println("handled", string(m.Body))
		return bus.Ack()
	})
}

// life is one child's: what it said until it was killed.
func life(t *testing.T, dir string, kill time.Duration, env ...string) (stored, handled []string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(append(os.Environ(), envChild+"="+dir), env...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, body, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "ready":
			time.AfterFunc(kill, func() { _ = c.Process.Kill() })
		case "stored":
			stored = append(stored, body)
		case "handled":
			handled = append(handled, body)
		case "error":
			t.Fatalf("child: %s", body)
		}
	}
	_ = c.Wait()
	return stored, handled
}

// TestKilled_NothingAcknowledgedIsLost kills the process at random moments while
// it publishes, delivers and, in some lives, moves its subscription.
func TestKilled_NothingAcknowledgedIsLost(t *testing.T) {
	dir := t.TempDir()
	stored, handled := map[string]bool{}, map[string]int{}
	note := func(s, h []string) {
		for _, b := range s {
			stored[b] = true
		}
		for _, b := range h {
			handled[b]++
		}
	}
	for i := range 8 {
		var env []string
		if i%2 == 1 {
			env = append(env, envChild+"_SEEK=1")
		}
		note(life(t, dir, time.Duration(rand.N(250))*time.Millisecond, env...))
	}
	missing := func() (n int) {
		for b := range stored {
			if handled[b] == 0 {
				n++
			}
		}
		return n
	}
	// What is left comes to one that is let live.
	for wait := time.Second; missing() > 0 && wait < 16*time.Second; wait *= 2 {
		note(life(t, dir, wait, envChild+"_READ=1"))
	}
	copies := 0
	for _, n := range handled {
		copies += n - 1
	}
	t.Logf("%d stored, %d deliveries more than needed", len(stored), copies)
	if len(stored) == 0 {
		t.Error("nothing was stored at all")
	}
	if n := missing(); n > 0 {
		t.Errorf("%d of %d acknowledged messages were never delivered", n, len(stored))
	}
}
