package git

import "testing"

const sampleTable = `22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
31 22 254:1 /srv/demo.git /srv/demo.git ro,relatime - ext4 /dev/vda1 rw
32 22 254:1 /srv/old.git /srv/moved.git ro,relatime - ext4 /dev/vda1 rw
33 22 254:1 /srv/gone.git//deleted /srv/gone.git ro,relatime - ext4 /dev/vda1 rw
34 22 254:1 /srv/a\040b.git /srv/a\040b.git ro,relatime - ext4 /dev/vda1 rw
35 22 254:1 /first /twice ro - ext4 /dev/vda1 rw
36 22 254:1 /second /twice ro - ext4 /dev/vda1 rw
`

func TestFromTable(t *testing.T) {
	for path, want := range map[string]string{
		"/srv/demo.git":  "/srv/demo.git",
		"/srv/moved.git": "/srv/old.git",
		"/srv/gone.git":  "/srv/gone.git//deleted",
		"/srv/a b.git":   `/srv/a\040b.git`,
		"/twice":         "/second",
		"/srv":           "",
		"/srv/demo":      "",
	} {
		if got := fromTable(sampleTable, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestLocal_AFolderThatWasMovedOnItsMachineIsNoMoreOurs(t *testing.T) {
	l := &local{path: "/srv/demo.git", mounted: func(string) string { return "/srv/demo.git" }}
	if err := l.checkMount(); err != nil {
		t.Fatal(err)
	}
	l.mounted = func(string) string { return "/srv/old.git" }
	if err := l.checkMount(); err == nil {
		t.Error("a moved folder is taken for the repository")
	}
	l.mounted = func(string) string { return "/srv/demo.git" }
	if err := l.checkMount(); err != nil {
		t.Errorf("it was moved back: %v", err)
	}
}

func TestLocal_AFolderOfOurOwnIsNotLookedUpAgain(t *testing.T) {
	asked := 0
	l := &local{path: "/srv/demo.git", mounted: func(string) string { asked++; return "" }}
	for range 3 {
		if err := l.checkMount(); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
