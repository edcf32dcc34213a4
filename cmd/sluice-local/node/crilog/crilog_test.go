package crilog

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func filled(t *testing.T, bound int64, text string) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pod", "0.log")
	l, err := Create(path, bound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := l.Copy("stdout", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return l, path
}

func read(t *testing.T, path string, q Query) string {
	t.Helper()
	var out strings.Builder
	if err := Read(t.Context(), path, q, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

func TestRead_GivesBackWhatWasPrinted(t *testing.T) {
	long := strings.Repeat("x", 3*maxLine) + "\nlast, without an end"
	_, path := filled(t, 0, "one\n\n"+long)
	if got := read(t, path, Query{Tail: -1}); got != "one\n\n"+long {
		t.Errorf("got %d bytes: %.40q", len(got), got)
	}
}

func TestRead_TailCountsFromTheEnd(t *testing.T) {
	_, path := filled(t, 0, numbered(0, 10))
	for tail, want := range map[int64]string{0: "", 1: "line 9\n", 10: numbered(0, 10), 11: numbered(0, 10)} {
		if got := read(t, path, Query{Tail: tail}); got != want {
			t.Errorf("tail %d: got %q", tail, got)
		}
	}
}

func TestRead_TailReachesIntoTheRotatedFile(t *testing.T) {
	_, path := filled(t, 1000, numbered(0, 30))
	if _, err := os.Stat(path + RotatedSuffix); err != nil {
		t.Fatal(err)
	}
	for _, tail := range []int64{1, 5, 20} {
		if got, want := read(t, path, Query{Tail: tail}), numbered(30-int(tail), 30); got != want {
			t.Errorf("tail %d: got %q, want %q", tail, got, want)
		}
	}
}

func TestRead_LimitTimestampsSinceAndStream(t *testing.T) {
	l, path := filled(t, 0, "out\n")
	if err := l.Copy("stderr", strings.NewReader("err\n")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path, Query{Tail: -1, LimitBytes: 5}); got != "out\ne" {
		t.Errorf("limit: got %q", got)
	}
	if got := read(t, path, Query{Tail: -1, Stream: "stderr"}); got != "err\n" {
		t.Errorf("stream: got %q", got)
	}
	if got := read(t, path, Query{Tail: -1, Since: time.Now().Add(time.Hour)}); got != "" {
		t.Errorf("since: got %q", got)
	}
	stamp, _, _ := strings.Cut(read(t, path, Query{Tail: -1, Timestamps: true}), " ")
	if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
		t.Error(err)
	}
}

func TestRead_FollowsAcrossRotationUntilTheLogIsClosed(t *testing.T) {
	l, path := filled(t, 1000, numbered(0, 2))
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Read(context.Background(), path, Query{Tail: -1, Live: l}, w)
		_ = w.CloseWithError(err)
		done <- err
	}()
	begun := make([]byte, len(numbered(0, 2)))
	if _, err := io.ReadFull(r, begun); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 60; i += 10 {
		if err := l.Copy("stdout", strings.NewReader(numbered(i, i+10))); err != nil {
			t.Fatal(err)
		}
		part := make([]byte, len(numbered(i, i+10)))
		if _, err := io.ReadFull(r, part); err != nil || string(part) != numbered(i, i+10) {
			t.Fatalf("got %q, %v", part, err)
		}
	}
	_ = l.Close()
	if rest, err := io.ReadAll(r); err != nil || len(rest) != 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRead_FollowEndsWithItsContext(t *testing.T) {
	l, path := filled(t, 0, "one\n")
	ctx, cancel := context.WithCancel(t.Context())
	if err := Read(ctx, path, Query{Tail: -1, Live: l, Flush: cancel}, io.Discard); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("2026-01-01T00:00:00Z stdout F text\n", int64(1))
	f.Add("no entry at all", int64(-1))
	f.Fuzz(func(t *testing.T, content string, tail int64) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Read(t.Context(), path, Query{Tail: tail}, io.Discard); err != nil {
			t.Error(err)
		}
	})
}
