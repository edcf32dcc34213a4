package verb

import "testing"

func TestLogs_ReadsWhichBuildFromTheCommandLine(t *testing.T) {
	for line, want := range map[string][]string{
		`namespace "" name "app" step "" follow false` + "\n":          {"logs", "build", "app"},
		`namespace "shop" name "cart" step "build" follow true` + "\n": {"logs", "build", "shop/cart", "--step", "build", "-f"},
	} {
		got, err := told{}.run(t, want...)
		if err != nil || got != line {
			t.Errorf("%v: %q, %v; want %q", want, got, err, line)
		}
	}
}
