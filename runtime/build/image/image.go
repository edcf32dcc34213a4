package image

import (
	"archive/tar"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is who the program runs as: "nonroot", as in other minimal images.
const User = "65532"

// certFiles are where Linux distributions keep CA certificates; the first that
// is there goes into the image, where every TLS library looks for it.
var certFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// Alone wraps a static binary, which becomes /app, the entrypoint. scratch is
// a folder for the layer; the image reads it until it is stored.
func Alone(binary, scratch string) (v1.Image, error) {
	return on(nil, binary, scratch, func(t *tar.Writer) error { return fill(t, binary) })
}

// On adds a static binary to a base, where it becomes /app, the entrypoint.
// User, environment and folder stay those of the base.
func On(base v1.Image, binary, scratch string) (v1.Image, error) {
	return on(base, binary, scratch, func(t *tar.Writer) error { return addFile(t, "app", binary, 0o755) })
}

func on(base v1.Image, binary, scratch string, write func(*tar.Writer) error) (v1.Image, error) {
	if err := CheckStatic(binary); err != nil {
		return nil, err
	}
	layer, err := NewLayer(scratch, write)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	img := base
	if img == nil {
		img = mutate.MediaType(empty.Image, types.OCIManifestSchema1)
		img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	file = file.DeepCopy()
	if base == nil {
		file.OS, file.Architecture = "linux", runtime.GOARCH
		file.Config = v1.Config{
			WorkingDir: "/", User: User,
			Env: []string{"PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/tmp"},
		}
	}
	file.Config.Entrypoint, file.Config.Cmd = []string{"/app"}, nil
	return mutate.ConfigFile(img, file)
}

// CheckStatic refuses a program that needs a loader and libraries: there are
// none in its image.
func CheckStatic(binary string) error {
	f, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("%s: not a Linux program: %w", binary, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s: is linked dynamically and cannot run alone in an image; build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}

// fill writes the few files of an image without a base.
func fill(t *tar.Writer, binary string) error {
	if err := Basics(t); err != nil {
		return err
	}
	return addFile(t, "app", binary, 0o755)
}

// Basics writes what programs expect of any root: /tmp, users, CA certificates.
func Basics(t *tar.Writer) error {
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	passwd := "root:x:0:0:root:/:/\nnonroot:x:" + User + ":" + User + ":nonroot:/tmp:/\n"
	if err := addText(t, "etc/passwd", passwd); err != nil {
		return err
	}
	for _, certs := range certFiles {
		if _, err := os.Stat(certs); err == nil {
			return addFile(t, "etc/ssl/certs/ca-certificates.crt", certs, 0o644)
		}
	}
	return nil
}

func addText(t *tar.Writer, name, text string) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.WriteString(t, text)
	return err
}

func addFile(t *tar.Writer, name, from string, mode int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size(), ModTime: time.Unix(0, 0)}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}
