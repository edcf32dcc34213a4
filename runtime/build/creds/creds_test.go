package creds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/build/creds"
)

// secret makes the folder of a mounted Secret.
func secret(t *testing.T, dir, name string, keys map[string]string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	for key, value := range keys {
		if err := os.WriteFile(filepath.Join(dir, name, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCreds_WritesWhatGitDockerAndBuildahRead(t *testing.T) {
	secrets, home, tools := t.TempDir(), t.TempDir(), t.TempDir()
	secret(t, secrets, "basic", map[string]string{"username": "ada", "password": "p@ss/word"})
	secret(t, secrets, "key", map[string]string{"ssh-privatekey": "KEY", "known_hosts": "git.example.com ssh-ed25519 AAAA"})
	secret(t, secrets, "config", map[string]string{".dockerconfigjson": `{"auths":{"ghcr.io":{"auth":"eA=="},"gcr.io":{"auth":"lost"}}}`})
	self := filepath.Join(t.TempDir(), "self")
	if err := os.WriteFile(self, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	step := creds.Step{
		Secrets: secrets, Home: home, Tools: tools, Self: self, Registries: "local.dev=http://127.0.0.1:5000",
		GitBasic: []string{"basic=https://github.com"}, GitSSH: []string{"key=git.example.com:2222"},
		DockerBasic: []string{"basic=https://gcr.io"}, DockerConfigs: []string{"config"},
	}
	if err := step.Run(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		home + "/.git-credentials":                   "https://ada:p%40ss%2Fword@github.com\n",
		home + "/.gitconfig":                         "[credential \"https://github.com\"]\n\tusername = ada\n",
		home + "/.ssh/id_key":                        "KEY\n",
		home + "/.ssh/known_hosts":                   "git.example.com ssh-ed25519 AAAA\n",
		home + "/.ssh/config":                        "Port 2222\n",
		home + "/.docker/config.json":                `"https://gcr.io":{"auth":"YWRhOnBAc3Mvd29yZA==","email":"not@val.id"}`,
		home + "/.config/containers/registries.conf": "prefix = \"local.dev\"\nlocation = \"127.0.0.1:5000\"\ninsecure = true\n",
		filepath.Join(tools, "sluice"):               "program",
	} {
		b, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
		}
	}
	if b, _ := os.ReadFile(home + "/.docker/config.json"); !strings.Contains(string(b), `"ghcr.io":{"auth":"eA=="}`) {
		t.Errorf("docker config %s", b)
	}
	if info, err := os.Stat(home + "/.ssh/id_key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key has mode %v, %v", info.Mode(), err)
	}
}

func TestCreds_SaysWhatIsWrongWithoutSayingTheSecret(t *testing.T) {
	secrets := t.TempDir()
	secret(t, secrets, "half", map[string]string{"username": "hidden-value"})
	secret(t, secrets, "key", map[string]string{"ssh-privatekey": "hidden-value"})
	secret(t, secrets, "config", map[string]string{".dockerconfigjson": "hidden-value"})
	for want, step := range map[string]creds.Step{
		"the Secret half has no key password":                      {GitBasic: []string{"half=https://a"}},
		"the Secret key has no key known_hosts":                    {GitSSH: []string{"key=a"}},
		"the Secrets half and key are both for https://a":          {GitBasic: []string{"half=https://a", "key=https://a"}},
		`the Secret half is for "a", which is no URL`:              {GitBasic: []string{"half=a"}},
		"the Secret config: .dockerconfigjson is no docker config": {DockerConfigs: []string{"config"}},
	} {
		step.Secrets, step.Home = secrets, t.TempDir()
		err := step.Run()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden-value") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
