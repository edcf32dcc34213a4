package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lookPath finds a program as execvp does, in the environment that it will get.
func lookPath(name string, env []string, dir string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", dir, name)
		}
		return name, executable(name)
	}
	for _, d := range filepath.SplitList(pathOf(env)) {
		if file := filepath.Join(d, name); executable(file) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("exec: %q: %w", file, unwrapPath(err))
	case info.IsDir():
		return fmt.Errorf("exec: %q: is a directory", file)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("exec: %q: %w", file, syscall.EACCES)
	}
	return nil
}

func unwrapPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

func pathOf(env []string) string {
	for _, e := range env {
		if p, ok := strings.CutPrefix(e, "PATH="); ok {
			return p
		}
	}
	return defaultPath
}
