package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Dockerfile FROM a Debian base, with RUN, as most are. The base is made
// here, pushed to the cluster's registry, and pulled from there by buildah.
func TestBuilds_ADockerfileOnADebianBase(t *testing.T) {
	if os.Getenv("SLUICE_DEBIAN") == "" {
		t.Skip("makes a Debian base image, which takes minutes: `make dockerfile` sets SLUICE_DEBIAN")
	}
	for _, tool := range []string{"buildah", "debootstrap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("debootstrap needs root")
	}
	base := t.TempDir()
	command(t, "debootstrap", "--variant=minbase", "bookworm", base)
	storage := t.TempDir()
	buildah := func(args ...string) string {
		return command(t, "buildah", append([]string{"--storage-driver", "vfs", "--root", storage + "/root", "--runroot", storage + "/run"}, args...)...)
	}
	container := buildah("from", "scratch")
	buildah("add", "-q", container, base, "/")
	buildah("commit", "-q", "--format", "oci", container, "debian")
	buildah("push", "-q", "--tls-verify=false", "debian", "docker://"+registryAddress(t)+"/debian:bookworm")

	c := newClone(t)
	run := fmt.Sprint(time.Now().UnixNano())
	c.write("debian/Dockerfile", "FROM local.dev/debian:bookworm\nRUN dpkg --version | head -1 > /said && echo "+run+" >> /said\nCOPY app /app\nENTRYPOINT [\"/app\", \"say=up\", \"serve=/said\"]\n")
	command(t, "go", "build", "-o", filepath.Join(c.dir, "debian", "app"), "./testdata/step")
	c.write("debian.yaml", `apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: e2e-debian}
spec:
  source: {git: {url: .}, subPath: debian}
  template: {name: dockerfile, kind: ClusterBuildTemplate, arguments: [{name: IMAGE, value: local.dev/e2e-debian}]}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: e2e-debian}
spec: {template: {spec: {containers: [{image: local.dev/e2e-debian}]}}}
`)
	c.push("A Dockerfile on Debian")
	awaitFor(t, buildPatience, "yes", func() string { return stands("e2e-debian", "Ready", "") })
	awaitFor(t, buildPatience, "yes", func() string {
		_, body := get("e2e-debian.default.localhost")
		if strings.Contains(body, "Debian 'dpkg' package management program") && strings.Contains(body, run) {
			return "yes"
		}
		return body
	})
}

// registryAddress is where the registry of the cluster under test answers.
func registryAddress(t *testing.T) string {
	t.Helper()
	settings := command(t, "../bin/sluice-local", "kubectl", "--dir", under.dir, "get", "configmap", "-n", "sluice-system", "sluice-settings", "-o", "jsonpath={.data.settings\\.json}")
	_, rest, ok := strings.Cut(settings, `"local.dev": "http://`)
	address, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		t.Fatalf("no registry in %s", settings)
	}
	return address
}

// command runs a program that must succeed, and gives what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		text := ""
		if exit, ok := err.(*exec.ExitError); ok {
			text = string(exit.Stderr)
		}
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, text)
	}
	return strings.TrimSpace(string(out))
}
