package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a policy says where the repository is silent.
const (
	DefaultRefs = "refs/heads/preview/*"
	DefaultTTL  = 72 * time.Hour
	DefaultMost = 10
)

// Policy is which refs may run beside the trusted branch, which alone holds it.
type Policy struct {
	// Refs are patterns of full reference names; one `*` stands for any text.
	Refs []string
	// Allow are patterns of refs that need no signature. A branch of the
	// repository (refs/heads/) never needs one; any other ref, such as a pull
	// request's, that anybody may push, needs one or the other.
	Allow []string
	// Percent is the most that all previews of a service get of its requests.
	Percent int64
	// TTL is how old a ref's newest commit may be.
	TTL time.Duration
	// Most is how many refs are open at once.
	Most int
}

// Limits are the installation's: a policy stays within them.
type Limits struct {
	// Most is how many refs may be open at once. Default 100; less than 0 is none.
	Most int
	// Percent is the most that previews may get of a service's requests.
	// Default 50.
	Percent int64
	// TTL is the longest one. Default 30 days.
	TTL time.Duration
}

// Within is the policy as far as an installation permits it.
func (p Policy) Within(l Limits) Policy {
	l = Limits{Most: cmp.Or(l.Most, 100), Percent: cmp.Or(l.Percent, 50), TTL: cmp.Or(l.TTL, 30*24*time.Hour)}
	p.Most = max(0, min(p.Most, l.Most))
	p.Percent = max(0, min(p.Percent, l.Percent))
	p.TTL = min(p.TTL, l.TTL)
	return p
}

// Admits says why a ref may not even be looked at; empty if it may. It may
// still need a signature: see NeedsSignature.
func (p Policy) Admits(ref string, signers bool) string {
	if p.NeedsSignature(ref) && !signers {
		return fmt.Sprintf("anybody may push to %s: list it under previews.allow in sluice.yaml of the trusted branch, or keys under previews.signers", ref)
	}
	return ""
}

// NeedsSignature reports whether a ref's newest commit has to be signed.
func (p Policy) NeedsSignature(ref string) bool {
	return !strings.HasPrefix(ref, "refs/heads/") &&
		!slices.ContainsFunc(p.Allow, func(pattern string) bool { return matches(pattern, ref) })
}

// TooOld says that a commit has outlived the policy; empty if it has not. One
// of the future is as old as the trusted branch's clock can tell: not at all.
func (p Policy) TooOld(when, now time.Time) string {
	if age := now.Sub(when); age > p.TTL {
		return fmt.Sprintf("its newest commit is older than %s", short(p.TTL))
	}
	return ""
}

// Permit is how many percents a preview gets of those it asks for, when others
// of its service have some already; note says why it is less.
func (p Policy) Permit(asked, taken int64) (percent int64, note string) {
	percent = max(0, min(asked, p.Percent-taken))
	if percent < asked {
		note = fmt.Sprintf("it asks for %d %% of the requests and gets %d %%: the policy of the trusted branch gives all previews of a service %d %%", asked, percent, p.Percent)
	}
	return percent, note
}

// matches is a full reference name's match with a pattern.
func matches(pattern, ref string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == ref
	}
	return len(ref) >= len(before)+len(after) && strings.HasPrefix(ref, before) && strings.HasSuffix(ref, after)
}

// short is a duration without what is zero of it.
func short(d time.Duration) string {
	text := d.String()
	text = strings.TrimSuffix(text, "0s")
	return cmp.Or(strings.TrimSuffix(text, "0m"), d.String())
}

// Order sorts refs so that the newest come first: the numbers in their names
// count down, so that of many pull requests the latest are looked at first.
func Order(refs []string) { slices.SortFunc(refs, func(a, b string) int { return -natural(a, b) }) }

// natural compares texts with the numbers in them by value.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, ra := number(a)
		nb, rb := number(b)
		if na != "" && nb != "" {
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// number cuts the digits off that a text begins with.
func number(s string) (digits, rest string) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	return strings.TrimLeft(s[:end], "0") + strings.Repeat("0", b2i(end > 0 && strings.Trim(s[:end], "0") == "")), s[end:]
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
