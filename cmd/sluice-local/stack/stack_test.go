package stack

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestStack_StopsFromTheTopEachAfterAllAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		s := New(quiet(), func(err error) { t.Errorf("fell: %v", err) })
		for _, name := range []string{"etcd", "api", "node"} {
			s.Push(t.Context(), Component{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				order = append(order, name+" told")
				time.Sleep(time.Second)
				order = append(order, name+" gone")
				return errors.New("not of interest any more")
			}})
		}
		s.Unwind()
		want := []string{"node told", "node gone", "api told", "api gone", "etcd told", "etcd gone"}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestStack_OutlivesTheContextItWasStartedWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		s := New(quiet(), func(err error) { t.Errorf("fell: %v", err) })
		s.Push(ctx, Component{Name: "etcd", Run: func(ctx context.Context) error {
			<-ctx.Done()
			ended = true
			return nil
		}})
		cancel()
		synctest.Wait()
		if ended {
			t.Error("stopped before Unwind")
		}
		s.Unwind()
	})
}

func TestStack_GoesOnWithoutTheOneThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, below := make(chan struct{}), false
		s := New(quiet(), func(err error) { t.Errorf("fell: %v", err) })
		s.Push(t.Context(), Component{Name: "below", Run: func(ctx context.Context) error {
			<-ctx.Done()
			below = true
			return nil
		}})
		s.Push(t.Context(), Component{Name: "hangs", Grace: 2 * time.Second, Run: func(context.Context) error {
			<-release
			return nil
		}})
		began := time.Now()
		s.Unwind()
		if took := time.Since(began); took != 2*time.Second || !below {
			t.Errorf("took %v, below stopped: %v", took, below)
		}
		close(release)
	})
}

func TestStack_TellsOfTheOneThatFalls(t *testing.T) {
	for _, err := range []error{nil, errors.New("disk full")} {
		fell := make(chan error, 1)
		s := New(quiet(), func(err error) { fell <- err })
		s.Push(t.Context(), Component{Name: "etcd", Run: func(context.Context) error { return err }})
		got := <-fell
		if !strings.HasPrefix(got.Error(), "etcd: ") || err != nil && !errors.Is(got, err) {
			t.Errorf("fell with %v, want etcd and %v", got, err)
		}
		s.Unwind()
	}
}
