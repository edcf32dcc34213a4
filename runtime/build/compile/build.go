package compile

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

// Program is what is compiled.
type Program struct {
	// Dir is a folder of the module, Package the main package as the go
	// command names it from there. Default: the folder's own.
	Dir, Package string
	// Ldflags are for the linker, beside -s -w.
	Ldflags string
	// Env is added to the environment; Output, optional, gets what the go
	// command says while it works.
	Env    []string
	Output *os.File
}

// Compile builds the program into a static binary at out.
func (p Program) Compile(ctx context.Context, out string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return ErrNoGo
	}
	if p.Package == "" {
		p.Package = "."
	}
	name, err := p.goTool(ctx, "list", "-f", "{{.Name}}", p.Package)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Package, err)
	}
	if name != "main" {
		return fmt.Errorf("%s: is package %s; want the folder of a main package", p.where(), name)
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	ldflags := strings.TrimSpace("-s -w -buildid= " + p.Ldflags)
	if _, err := p.goTool(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", out, p.Package); err != nil {
		return fmt.Errorf("%s: %w", p.where(), err)
	}
	return nil
}

func (p Program) where() string { return filepath.Join(p.Dir, p.Package) }

// goTool runs the go command for a static program of this machine's
// architecture, and returns what it prints.
func (p Program) goTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.Dir
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH), p.Env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if p.Output != nil {
		_, _ = p.Output.Write(complaint.Bytes()) // the log is for people; nothing depends on it
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
