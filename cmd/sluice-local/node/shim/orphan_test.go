package shim

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// locked says whether somebody still holds the file.
func locked(t testing.TB, name string) bool {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// forked starts a container that has left an orphan behind, holding a lock.
func (r *room) forked() (p *Process, lock string) {
	r.t.Helper()
	dir := r.t.TempDir()
	lock = filepath.Join(dir, "lock")
	inside := lock
	spec := r.spec()
	if r.keeper.Mode().Isolated() {
		spec.Mounts = []Mount{{Source: dir, Target: "/lock"}}
		inside = "/lock/lock"
	}
	spec.Command.Args = append(spec.Command.Args, "fork", inside)
	p, out := r.start(spec)
	if _, err := io.ReadFull(out, make([]byte, len("forked\n"))); err != nil {
		r.t.Fatal(err)
	}
	if !locked(r.t, lock) {
		r.t.Fatal("the orphan does not run")
	}
	return p, lock
}

func TestShim_KillReachesProcessesThatForkedTwice(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *room) {
		p, lock := r.forked()
		p.Kill()
		<-p.Done()
		if locked(t, lock) {
			t.Error("an orphan survived")
		}
	})
}

func TestShim_EndOfTheFirstProcessEndsTheOthers(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *room) {
		p, lock := r.forked()
		p.Signal(syscall.SIGTERM)
		<-p.Done()
		if exit := p.Exit(); exit.Code == 0 {
			t.Errorf("got %+v", exit)
		}
		if locked(t, lock) {
			t.Error("an orphan survived")
		}
	})
}

func TestKeeper_CloseEndsEveryContainer(t *testing.T) {
	for _, mode := range []Mode{Overlay, Bare} {
		r := newRoom(t, mode)
		k, err := NewKeeper(mode, "")
		if err != nil {
			t.Fatal(err)
		}
		r.keeper = k
		p, lock := r.forked()
		_ = p.control.Close() // what the end of this process would do
		k.Close()
		deadline := time.Now().Add(5 * time.Second)
		for locked(t, lock) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: an orphan survived", mode)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestDetect_FindsTheBestModeThatWorks(t *testing.T) {
	mode, refused := Detect(t.TempDir())
	if mode == Overlay && refused != nil || mode != Overlay && refused == nil {
		t.Errorf("got %s, %v", mode, refused)
	}
	if p := newRoom(t, mode); p == nil {
		t.Error("what was detected does not work")
	}
}
