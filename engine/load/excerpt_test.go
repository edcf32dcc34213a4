package load_test

import (
	"testing"

	"github.com/sluice-dev/sluice/engine/load"
)

func TestReplace_LeavesWhatIsAroundAsItIs(t *testing.T) {
	const file = "# of all\n---\na: 1\n# one\n--- \nb: 1\nc: 2\n---\n\nd: 1\n"
	for _, c := range []struct {
		line          int
		excerpt, want string
	}{
		{3, "a: 1\n# one\n", "# of all\n---\nnew\n--- \nb: 1\nc: 2\n---\n\nd: 1\n"},
		{6, "b: 1\nc: 2\n", "# of all\n---\na: 1\n# one\n--- \nnew\n---\n\nd: 1\n"},
		{7, "b: 1\nc: 2\n", "# of all\n---\na: 1\n# one\n--- \nnew\n---\n\nd: 1\n"},
		{10, "\nd: 1\n", "# of all\n---\na: 1\n# one\n--- \nb: 1\nc: 2\n---\nnew"},
		{0, "", file + "---\nnew\n"},
	} {
		if got := string(load.Excerpt([]byte(file), c.line)); got != c.excerpt {
			t.Errorf("line %d: %q, want %q", c.line, got, c.excerpt)
		}
		if got := string(load.Replace([]byte(file), c.line, []byte("new"))); got != c.want {
			t.Errorf("line %d: %q, want %q", c.line, got, c.want)
		}
	}
	if got := string(load.Replace(nil, 0, []byte("new"))); got != "new\n" {
		t.Errorf("%q", got)
	}
	if got := string(load.Replace([]byte("\xef\xbb\xbfa: 1"), 1, []byte("a: 2\n"))); got != "\xef\xbb\xbfa: 2\n" {
		t.Errorf("%q", got)
	}
}
