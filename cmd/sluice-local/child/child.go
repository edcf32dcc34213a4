package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// maxLog is the size above which a log is put aside when its program starts.
const maxLog = 16 << 20

// Process is a program to run.
type Process struct {
	// Path is the program; Args are its arguments, its own name first.
	Path string
	Args []string
	// Log is the file that gets its output; it is appended to.
	Log string
	// Grace is how long it may take to end after SIGTERM; then it is killed.
	// Default 3 seconds.
	Grace time.Duration
}

// Self is this program itself under another name.
func Self(name string, args ...string) Process {
	return Process{Path: "/proc/self/exe", Args: append([]string{name}, args...)}
}

// Run runs the program until ctx is done, then tells it to end and waits. The
// program is in a process group of its own, so that Ctrl-C does not reach it
// before we have told it; if we are killed, so is it.
func (p Process) Run(ctx context.Context) error {
	log, err := openLog(p.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	begins, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	// The kernel sends the parent's death signal when the thread that forked is
	// gone, so this thread stays until the end, and then goes.
	runtime.LockOSThread()
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Args, cmd.Stdout, cmd.Stderr = p.Args, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if cmd.WaitDelay = p.Grace; p.Grace == 0 {
		cmd.WaitDelay = 3 * time.Second
	}
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = errors.New("ended by itself")
	}
	return fmt.Errorf("%w: %s\nmore in %s", err, lastLine(log, begins), p.Log)
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
}

// lastLine is the last line that a log has after some offset.
func lastLine(log io.ReaderAt, after int64) string {
	const most = 1 << 16
	text, err := io.ReadAll(io.NewSectionReader(log, after, 1<<40))
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-most):]
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
