package shim

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// app is the static program that runs in every container of these tests.
var app string

// appKey hands a built app to a test binary that runs itself as another user.
const appKey = "SHIM_TEST_APP"

func TestMain(m *testing.M) {
	if app = os.Getenv(appKey); app != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "shim")
	if err != nil {
		panic(err)
	}
	_ = os.Chmod(dir, 0o755)
	app = filepath.Join(dir, "app")
	build := exec.Command("go", "build", "-o", app, "../testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func TestShim_AllOfThisHoldsWithoutRootToo(t *testing.T) {
	if os.Geteuid() != 0 {
		return // then everything else here just did
	}
	self := filepath.Join(filepath.Dir(app), "self")
	copyFile(t, os.Args[0], self)
	cmd := exec.Command(self, "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), appKey+"="+app, "HOME=/nonexistent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// room is a keeper, an image with the app in it, and a directory for containers.
type room struct {
	t      testing.TB
	keeper *Keeper
	dir    string
	image  string
}

func newRoom(t testing.TB, mode Mode) *room {
	t.Helper()
	r := &room{t: t, dir: t.TempDir()}
	r.image = filepath.Join(r.dir, "image")
	copyFile(t, app, filepath.Join(r.image, "app"))
	k, err := NewKeeper(mode, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Close()
		if err := Remove(r.dir); err != nil {
			t.Error(err)
		}
	})
	r.keeper = k
	return r
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (r *room) spec(args ...string) Spec {
	r.t.Helper()
	dir, err := os.MkdirTemp(r.dir, "container")
	if err != nil {
		r.t.Fatal(err)
	}
	program := "/app"
	switch r.keeper.Mode() {
	case Copy:
		copyFile(r.t, app, filepath.Join(dir, mergedName, "app"))
	case Bare:
		program = filepath.Join(r.image, "app")
	}
	return Spec{Dir: dir, Lower: r.image, Command: Command{Args: append([]string{program}, args...), Env: []string{"A=1"}}}
}

// start runs a container; its output can be read from the returned pipe.
func (r *room) start(spec Spec) (*Process, *os.File) {
	r.t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer null.Close()
	out, in, err := os.Pipe()
	if err != nil {
		r.t.Fatal(err)
	}
	defer in.Close()
	p, err := r.keeper.Start(spec, null, in, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return p, out
}

func (r *room) run(spec Spec) (string, Exit) {
	r.t.Helper()
	p, out := r.start(spec)
	text, err := io.ReadAll(out)
	if err != nil {
		r.t.Fatal(err)
	}
	<-p.Done()
	return string(text), p.Exit()
}

// inEveryMode runs a story in each way that containers can be kept apart.
func inEveryMode(t *testing.T, story func(*testing.T, *room)) {
	for _, mode := range []Mode{Overlay, Copy, Bare} {
		t.Run(string(mode), func(t *testing.T) { story(t, newRoom(t, mode)) })
	}
}

func TestShim_ProcessRunsWithItsEnvironmentAndItsExitIsKnown(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *room) {
		out, exit := r.run(r.spec("all", "env", "then", "exit", "3"))
		if out != "A=1\n" || exit != (Exit{Code: 3}) {
			t.Errorf("got %q, %+v", out, exit)
		}
	})
}

func TestShim_DeathByASignalIsTold(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *room) {
		if _, exit := r.run(r.spec("kill")); exit != (Exit{Code: 137, Signal: 9}) {
			t.Errorf("got %+v", exit)
		}
	})
}

func TestShim_ProgramThatIsNotThereIsAnErrorThatNamesIt(t *testing.T) {
	r := newRoom(t, Overlay)
	spec := r.spec()
	spec.Command.Args = []string{"nothing"}
	_, err := r.keeper.Start(spec, os.Stdin, os.Stdout, os.Stderr)
	if err == nil || err.Error() != `exec: "nothing": executable file not found in $PATH` {
		t.Errorf("got %v", err)
	}
}

func TestShim_IsolatedContainerSeesItsImageItsMountsAndItsOwnProcesses(t *testing.T) {
	for _, mode := range []Mode{Overlay, Copy} {
		r := newRoom(t, mode)
		volume := filepath.Join(r.dir, "volume")
		copyFile(t, os.Args[0], filepath.Join(volume, "big"))
		if err := os.WriteFile(filepath.Join(volume, "word"), []byte("moin\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		spec := r.spec("all", "cat", "/data/word", "/etc/word", "then", "write", "/data/more", "x", "then", "host", "then", "ls", "/")
		spec.Hostname = "lighthouse"
		spec.Mounts = []Mount{
			{Source: volume, Target: "/data"},
			{Source: filepath.Join(volume, "word"), Target: "/etc/word", ReadOnly: true},
		}
		out, exit := r.run(spec)
		if exit.Code != 0 || !strings.HasPrefix(out, "moin\nmoin\nlighthouse\n") || strings.Contains(out, "boot") {
			t.Errorf("%s: got %q, %+v", mode, out, exit)
		}
		if _, err := os.Stat(filepath.Join(volume, "more")); err != nil {
			t.Errorf("%s: what was written to the volume is not there: %v", mode, err)
		}
		if _, err := os.Stat(filepath.Join(r.image, "data")); err == nil {
			t.Errorf("%s: the image was changed", mode)
		}
	}
}

func TestShim_ReadOnlyMountAndRootRefuseWrites(t *testing.T) {
	r := newRoom(t, Overlay)
	for _, target := range []string{"/ro/file", "/file"} {
		spec := r.spec("write", target, "x")
		spec.ReadOnlyRoot = true
		spec.Mounts = []Mount{{Source: t.TempDir(), Target: "/ro", ReadOnly: true}}
		if out, exit := r.run(spec); exit.Code != 1 || !strings.Contains(out, "read-only file system") {
			t.Errorf("%s: got %q, %+v", target, out, exit)
		}
	}
}

func TestShim_SymbolicLinkInAnImageDoesNotLeadAMountOut(t *testing.T) {
	r := newRoom(t, Overlay)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(r.image, "var")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(r.image, outside), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := r.spec("ls", "/var")
	spec.Mounts = []Mount{{Source: t.TempDir(), Target: "/var/run/secrets"}}
	if out, exit := r.run(spec); exit.Code != 0 || !strings.Contains(out, "run") {
		t.Errorf("got %q, %+v", out, exit)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("the machine's %s was written to: %v", outside, entries)
	}
}

func TestShim_RunsAsTheAskedUser(t *testing.T) {
	r := newRoom(t, Overlay)
	spec := r.spec("id")
	spec.Command.UID, spec.Command.GID = 1234, 2345
	if out, exit := r.run(spec); out != "1234 2345\n" {
		t.Errorf("got %q, %+v", out, exit)
	}
}

func TestShim_ExecRunsBesideTheFirstProcess(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *room) {
		spec := r.spec("sleep")
		p, _ := r.start(spec)
		in, inW, _ := os.Pipe()
		outR, out, _ := os.Pipe()
		fmt.Fprint(inW, "through")
		inW.Close()
		exit, err := p.Exec(nil, Command{Args: []string{spec.Command.Args[0], "all", "echo", "then", "exit", "4"}}, in, out, out)
		out.Close()
		text, _ := io.ReadAll(outR)
		if err != nil || exit.Code != 4 || !bytes.Equal(text, []byte("through")) {
			t.Errorf("got %q, %+v, %v", text, exit, err)
		}
		p.Kill()
		<-p.Done()
	})
}

func TestShim_StoppedExecIsKilled(t *testing.T) {
	r := newRoom(t, Overlay)
	p, _ := r.start(r.spec("sleep"))
	stop := make(chan struct{})
	close(stop)
	exit, err := p.Exec(stop, Command{Args: []string{"/app", "sleep"}}, os.Stdin, os.Stderr, os.Stderr)
	if err != nil || exit.Signal != 9 {
		t.Errorf("got %+v, %v", exit, err)
	}
}
