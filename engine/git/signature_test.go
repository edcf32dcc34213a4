package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sshKey makes a key pair and gives the private file and the public line.
func sshKey(t *testing.T) (file, public string) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed: apt-get install openssh-client")
	}
	file = filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return file, strings.TrimSpace(string(b))
}

func TestSigned_KnowsTheKeyThatGitSignedWith(t *testing.T) {
	file, public := sshKey(t)
	_, other := sshKey(t)
	c := newClone(t)
	plain := c.push("a.yaml", "a")
	c.write("a.yaml", "b")
	c.git("add", "--all")
	c.git("-c", "gpg.format=ssh", "-c", "user.signingkey="+file, "commit", "-q", "-S", "-m", "signed\n\nwith a body\n")
	signed := c.git("rev-parse", "HEAD")
	c.git("push", "-q", "origin", "HEAD:main")
	r := c.open()
	if err := r.Signed(t.Context(), signed, []string{other, public}); err != nil {
		t.Errorf("signed: %v", err)
	}
	for name, err := range map[string]error{
		"another key": r.Signed(t.Context(), signed, []string{other}),
		"no key":      r.Signed(t.Context(), signed, nil),
		"unsigned":    r.Signed(t.Context(), plain, []string{public}),
		"no such key": r.Signed(t.Context(), signed, []string{"ssh-ed25519 nonsense"}),
	} {
		if !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
