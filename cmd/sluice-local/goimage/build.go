package goimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoGo says that the Go toolchain is not installed.
var ErrNoGo = errors.New("go is not on PATH; install it from https://go.dev/dl/ and try again")

// Compile builds the main package in dir into a static binary at out.
func Compile(ctx context.Context, dir, out string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return ErrNoGo
	}
	name, err := goTool(ctx, dir, "list", "-f", "{{.Name}}", ".")
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if name != "main" {
		return fmt.Errorf("%s: is package %s; want the folder of a main package", dir, name)
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if _, err := goTool(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, "."); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// goTool runs the go command in dir for a static program of this machine's
// architecture, and returns what it prints.
func goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
