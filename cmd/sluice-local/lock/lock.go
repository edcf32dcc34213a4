package lock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock is a directory that is ours.
type Lock struct {
	file *os.File
}

// HeldError says that a directory belongs to another process.
type HeldError struct {
	// Dir is the directory and Holder what its owner wrote.
	Dir, Holder string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s: in use by %s; stop that one, or choose another directory with --dir", e.Dir, e.Holder)
}

// Take locks dir, which must exist. owner is a phrase such as "sluice-local
// (process 12)" for whoever comes next.
func Take(dir, owner string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: lock: %w", dir, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		holder, _ := io.ReadAll(io.LimitReader(f, 1<<10))
		return nil, &HeldError{Dir: dir, Holder: strings.TrimSpace(string(holder))}
	}
	if err == nil {
		err = errors.Join(f.Truncate(0), second(f.WriteAt([]byte(owner+"\n"), 0)))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: lock: %w", dir, err)
	}
	return &Lock{file: f}, nil
}

func second(_ int, err error) error { return err }

// Release gives the directory back.
func (l *Lock) Release() error { return l.file.Close() }
