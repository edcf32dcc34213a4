package up

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOnReplaced_TellsOfAnotherFolderUntilItIsHeard(t *testing.T) {
	dir := t.TempDir()
	path, away := filepath.Join(dir, "demo.git"), filepath.Join(dir, "away.git")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan int), make(chan struct{})
	go func() {
		defer close(ended)
		calls := 0
		onReplaced(ctx, path, first, time.Millisecond, func() error {
			calls++
			heard <- calls
			if calls == 1 {
				return errors.New("not now")
			}
			return nil
		})
	}()
	quiet := func(when string) {
		t.Helper()
		select {
		case n := <-heard:
			t.Errorf("%s: told %d times", when, n)
		case <-time.After(20 * time.Millisecond):
		}
	}
	quiet("the same folder")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	quiet("nothing there")
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	quiet("put back")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	<-heard // refused
	if n := <-heard; n != 2 {
		t.Errorf("told %d times, want 2", n)
	}
	quiet("heard")
	cancel()
	<-ended
}
