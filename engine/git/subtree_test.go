package git

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSnapshot_SubtreeIsNamedAsGitNamesIt(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q", "-b", "main")
	// The order of a, a.b and a/ is where Git's and the paths' own differ.
	for _, script := range []string{
		`mkdir -p app/a app/z x && echo 1 > app/a/f && echo 2 > app/a.b && echo 3 > app/a-c && echo 4 > app/run && chmod +x app/run`,
		`ln -s a/f app/link && echo spec > app/spec.yaml && echo 5 > x/y && echo 6 > app/z/q && echo 7 > appendix`,
	} {
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run("add", "-A")
	run("commit", "-qm", "a")
	r, err := New(Config{URL: filepath.Join(dir, ".git")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for folder, ref := range map[string]string{"": "HEAD^{tree}", "app": "HEAD:app", "app/a": "HEAD:app/a", "x": "HEAD:x"} {
		if got, want := s.Subtree(folder, nil).Hash, run("rev-parse", ref); got != want {
			t.Errorf("%q is %s, Git says %s", folder, got, want)
		}
	}
	without := s.Subtree("app", func(path string) bool { return path == "app/spec.yaml" })
	run("rm", "-q", "app/spec.yaml")
	run("commit", "-qm", "b")
	if want := run("rev-parse", "HEAD:app"); without.Hash != want {
		t.Errorf("without its spec app is %s, Git says %s", without.Hash, want)
	}
	if none := s.Subtree("nowhere", nil); len(none.Files) != 0 {
		t.Errorf("a folder that is not there has %v", none.Files)
	}
}
