package creds

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Step is `sluice build creds`. The lists hold SECRET=URL.
type Step struct {
	// Secrets is the folder with a folder for each Secret; Home is $HOME.
	Secrets, Home                 string
	GitBasic, GitSSH, DockerBasic []string
	// DockerConfigs are Secrets that are whole docker configs.
	DockerConfigs []string
	// Tools, if set, gets a copy of the program Self.
	Tools, Self string
	// Registries is contract.EnvRegistries.
	Registries string
}

// use is one Secret for one URL.
type use struct{ secret, url string }

// Run writes everything.
func (s Step) Run() error {
	git, err := uses(s.GitBasic)
	if err != nil {
		return err
	}
	ssh, err := uses(s.GitSSH)
	if err != nil {
		return err
	}
	docker, err := uses(s.DockerBasic)
	if err != nil {
		return err
	}
	return errors.Join(s.git(git), s.ssh(ssh), s.docker(docker), s.registries(), s.copyTools())
}

// uses reads SECRET=URL pairs. A URL with two Secrets would have one win by
// chance.
func uses(pairs []string) ([]use, error) {
	var out []use
	seen := map[string]string{}
	for _, pair := range pairs {
		secret, url, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q: want SECRET=URL", pair)
		}
		if other, twice := seen[url]; twice {
			return nil, fmt.Errorf("the Secrets %s and %s are both for %s: take the annotation off one of them", other, secret, url)
		}
		seen[url] = secret
		out = append(out, use{secret, url})
	}
	return out, nil
}

// value is a key of a Secret.
func (s Step) value(secret, key string) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.Secrets, secret, key))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("the Secret %s has no key %s: add it", secret, key)
	}
	return strings.TrimRight(string(b), "\n"), err
}

// write writes a file below home. Steps run as different users, so what is
// secret within the pod is secret by the volume; 0600 is for what ssh demands.
func (s Step) write(name, text string, mode os.FileMode) error {
	path := filepath.Join(s.Home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// copyTools puts this program where steps in other images can run it.
func (s Step) copyTools() error {
	if s.Tools == "" {
		return nil
	}
	in, err := os.Open(s.Self)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(s.Tools, "sluice"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
