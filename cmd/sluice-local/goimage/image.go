package goimage

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

// user is who the program runs as: "nonroot", as in other minimal images.
const user = "65532"

// certFiles are where Linux distributions keep CA certificates; the first that
// is there goes into the image, where every TLS library looks for it.
var certFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// Image wraps a static binary, which becomes /app, the entrypoint. scratch is
// a folder for the layer; the image reads it until it is stored.
func Image(binary, scratch string) (v1.Image, error) {
	if err := checkStatic(binary); err != nil {
		return nil, err
	}
	layer, err := newLayer(scratch, func(t *tar.Writer) error { return fill(t, binary) })
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	img, err = mutate.AppendLayers(img, layer)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", binary, err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{
		Entrypoint: []string{"/app"}, WorkingDir: "/", User: user,
		Env: []string{"PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/tmp"},
	}
	return mutate.ConfigFile(img, file)
}

// checkStatic refuses a program that needs a loader and libraries: there are
// none in its image.
func checkStatic(binary string) error {
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

// fill writes the image's few files.
func fill(t *tar.Writer, binary string) error {
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	passwd := "root:x:0:0:root:/:/\nnonroot:x:" + user + ":" + user + ":nonroot:/tmp:/\n"
	if err := addText(t, "etc/passwd", passwd); err != nil {
		return err
	}
	for _, certs := range certFiles {
		if _, err := os.Stat(certs); err == nil {
			if err := addFile(t, "etc/ssl/certs/ca-certificates.crt", certs, 0o644); err != nil {
				return err
			}
			break
		}
	}
	return addFile(t, "app", binary, 0o755)
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
