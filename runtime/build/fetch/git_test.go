package fetch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/build/creds"
	"github.com/sluice-dev/sluice/runtime/build/fetch"
)

const twoFiles = `mkdir app && echo hello > app/main && chmod +x app/main && ln -s main app/link && echo root > README && git add -A && git commit -qm zero && git tag v1 && echo more > more`

// home is what creds writes of one Secret.
func home(t *testing.T, step creds.Step, keys map[string]string) string {
	t.Helper()
	step.Secrets, step.Home = t.TempDir(), t.TempDir()
	check(t, os.MkdirAll(filepath.Join(step.Secrets, "s"), 0o755))
	for key, value := range keys {
		check(t, os.WriteFile(filepath.Join(step.Secrets, "s", key), []byte(value), 0o600))
	}
	check(t, step.Run())
	return step.Home
}

// get fetches into a folder of its own.
func get(t *testing.T, g fetch.Git) (dir string, err error) {
	t.Helper()
	g.Target, g.Say = filepath.Join(t.TempDir(), "workspace"), t.Logf
	if g.Home == "" {
		g.Home = t.TempDir()
	}
	return g.Target, g.Run(t.Context())
}

func TestGit_FetchesAPrivateRepositoryOverHTTPS(t *testing.T) {
	bare := repository(t, twoFiles)
	url, ca := overHTTPS(t, filepath.Dir(bare))
	let := home(t, creds.Step{GitBasic: []string{"s=" + url}}, map[string]string{"username": "ada", "password": "secret", "ca.crt": ca})
	found := filepath.Join(t.TempDir(), "found")
	dir, err := get(t, fetch.Git{URL: url + "/r.git", Revision: "main", Home: let, Found: found})
	check(t, err)
	for name, want := range map[string]string{"app/main": "hello\n", "app/link": "hello\n", "README": "root\n", "more": "more\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "app/main")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("app/main is %v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(found); err != nil || !strings.Contains(string(b), `"commit":"`) {
		t.Errorf("found %s, %v", b, err)
	}
	dir, err = get(t, fetch.Git{URL: url + "/r.git", Revision: "v1", SubPath: "app", Home: let})
	check(t, err)
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("of the folder alone: %v, %v", names, err)
	}
	head := strings.TrimSpace(run(t, bare, "rev-parse", "v1"))
	dir, err = get(t, fetch.Git{URL: url + "/r.git", Revision: head, Home: let})
	check(t, err)
	if _, err := os.Stat(filepath.Join(dir, "README")); err != nil {
		t.Errorf("of a commit by its name: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "more")); err == nil {
		t.Error("an older commit has a newer one's file")
	}
	wrong := home(t, creds.Step{GitBasic: []string{"s=" + url}}, map[string]string{"username": "ada", "password": "hidden-value", "ca.crt": ca})
	_, err = get(t, fetch.Git{URL: url + "/r.git", Revision: "main", Home: wrong})
	if err == nil || !strings.Contains(err.Error(), "does not let us in") || strings.Contains(err.Error(), "hidden-value") {
		t.Errorf("with a wrong password: %v", err)
	}
	_, err = get(t, fetch.Git{URL: url + "/r.git", Revision: "nowhere", Home: let})
	if err == nil || !strings.Contains(err.Error(), `has no branch or tag "nowhere"`) {
		t.Errorf("a revision that is not there: %v", err)
	}
	_, err = get(t, fetch.Git{URL: url + "/r.git", Revision: strings.Repeat("0123", 10), Home: let})
	if err == nil || !strings.Contains(err.Error(), `has no branch or tag "0123`) {
		t.Errorf("a commit that is not there: %v", err)
	}
	_, err = get(t, fetch.Git{URL: url + "/r.git", Revision: "main", SubPath: "nowhere", Home: let})
	if err == nil || !strings.Contains(err.Error(), `has no folder "nowhere"`) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestGit_FetchesAPrivateRepositoryOverSSH(t *testing.T) {
	bare := repository(t, twoFiles)
	server := overSSH(t)
	url := "ssh://git@" + server.addr + bare
	let := home(t, creds.Step{GitSSH: []string{"s=" + server.addr}}, map[string]string{"ssh-privatekey": server.clientKey, "known_hosts": server.knownHosts})
	dir, err := get(t, fetch.Git{URL: url, Revision: "main", Home: let})
	check(t, err)
	if b, err := os.ReadFile(filepath.Join(dir, "app/main")); err != nil || string(b) != "hello\n" {
		t.Errorf("app/main: %q, %v", b, err)
	}
	other := overSSH(t)
	wrong := home(t, creds.Step{GitSSH: []string{"s=" + server.addr}}, map[string]string{"ssh-privatekey": other.clientKey, "known_hosts": server.knownHosts})
	if _, err := get(t, fetch.Git{URL: url, Revision: "main", Home: wrong}); err == nil || !strings.Contains(err.Error(), "register the public half") {
		t.Errorf("another key: %v", err)
	}
	unknown := home(t, creds.Step{GitSSH: []string{"s=" + server.addr}}, map[string]string{"ssh-privatekey": server.clientKey, "known_hosts": other.knownHosts})
	if _, err := get(t, fetch.Git{URL: url, Revision: "main", Home: unknown}); err == nil || !strings.Contains(err.Error(), "the host is not in known_hosts") {
		t.Errorf("an unknown host: %v", err)
	}
	if _, err := get(t, fetch.Git{URL: url, Revision: "main"}); err == nil || !strings.Contains(err.Error(), "there is no key for 127.0.0.1") {
		t.Errorf("without a key: %v", err)
	}
}

func TestGit_RefusesWhatIsNoSource(t *testing.T) {
	for want, script := range map[string]string{
		"lib is a submodule, which is never fetched": `echo a > a && git add -A && git commit -qm zero && git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),lib && git commit -qm sub && mkdir lib && echo b > b`,
		"big.bin is a pointer of Git LFS":            `printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n' > big.bin`,
		"out is a link that leads out of the source": `ln -s ../../etc/passwd out`,
		"abs is a link that leads out of the source": `ln -s /etc/passwd abs`,
		"the source has 1 MB or more":                `truncate -s 600K one && cp one two`,
	} {
		t.Run(want, func(t *testing.T) {
			bare := repository(t, script)
			url, ca := overHTTPS(t, filepath.Dir(bare))
			let := home(t, creds.Step{GitBasic: []string{"s=" + url}}, map[string]string{"username": "ada", "password": "secret", "ca.crt": ca})
			if _, err := get(t, fetch.Git{URL: url + "/r.git", Revision: "main", Home: let, Limit: 1_000_000}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v", err)
			}
		})
	}
}
