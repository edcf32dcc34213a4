package child

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(t *testing.T, script string) Process {
	return Process{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Log: filepath.Join(t.TempDir(), "log", "sh.log"), Grace: 200 * time.Millisecond}
}

func TestRun_TellsWhatAProgramThatFellSaidLast(t *testing.T) {
	p := shell(t, "echo first; echo 'no such bridge' >&2; exit 3")
	if err := os.MkdirAll(filepath.Dir(p.Log), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Log, []byte("an older run\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := p.Run(t.Context())
	for _, want := range []string{"exit status 3", "no such bridge", "more in " + p.Log} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v; want %q", err, want)
		}
	}
	if err := shell(t, "true").Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("error = %v", err)
	}
}

func TestRun_EndsWithItsContextEvenIfTheProgramWillNot(t *testing.T) {
	for _, script := range []string{"trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done", "trap '' TERM; echo up; while :; do sleep 0.05; done"} {
		p := shell(t, script)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		for text := ""; !strings.Contains(text, "up"); {
			b, err := os.ReadFile(p.Log)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			text = string(b)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestOpenLog_PutsALongOneAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, make([]byte, maxLog+1), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := os.Stat(path + ".old"); err != nil || info.Size() != maxLog+1 {
		t.Errorf("%v, %v", info, err)
	}
}
