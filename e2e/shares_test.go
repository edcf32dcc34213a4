package e2e

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluice-dev/sluice/engine/status"
)

// shares NAME PATTERN: within a while, the engine says that the service's
// requests are shared like that.
func shares(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shares NAME PATTERN")
	}
	pattern, err := regexp.Compile("^" + args[1] + "$")
	ts.Check(err)
	await(ts, args[1], func() string {
		got := status.Shares(reported(args[0]).Traffic)
		if pattern.MatchString(got) {
			return args[1]
		}
		return got
	})
}

// refused REF TEXT: within a while, the engine says that something of the ref
// is not previewed, for a reason that holds TEXT.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: refused REF TEXT")
	}
	await(ts, args[1], func() string {
		p := previewOf(args[0])
		if strings.Contains(strings.Join(append(p.Problems, p.Reason), "; "), args[1]) {
			return args[1]
		}
		return fmt.Sprintf("%+v", p)
	})
}
