package up

import (
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// keepTerminal sends what libraries write to the standard error (the API
// server's etcd client has a logger there that cannot be turned off) into log,
// and returns the real one for the user. Crashes go to both. restore undoes it.
func keepTerminal(log *os.File) (user *os.File, restore func(), err error) {
	fd, err := unix.FcntlInt(os.Stderr.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, fmt.Errorf("standard error: %w", err)
	}
	user = os.NewFile(uintptr(fd), "stderr")
	if err := debug.SetCrashOutput(user, debug.CrashOptions{}); err != nil {
		return nil, nil, fmt.Errorf("standard error: %w", err)
	}
	if err := unix.Dup3(int(log.Fd()), unix.Stderr, 0); err != nil {
		return nil, nil, fmt.Errorf("standard error: %w", err)
	}
	return user, func() {
		// Nothing can be done if these fail, and nothing is lost.
		_ = unix.Dup3(fd, unix.Stderr, 0)
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		user.Close()
	}, nil
}
