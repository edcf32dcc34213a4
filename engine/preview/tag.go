package preview

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// longestLabel is what a DNS label holds.
const longestLabel = 63

// Tag is the tag under which a ref's revision of a service is reached:
// `new-cart` for refs/heads/preview/new-cart, `pr-7` for refs/pull/7/head,
// `mr-7` for refs/merge-requests/7/head. What does not fit into a host is cut,
// and told apart by a hash.
func Tag(ref, service string) string {
	tag := label(ref)
	if len(tag)+1+len(service) <= longestLabel {
		return tag
	}
	room := max(1, longestLabel-1-len(service)-1-hashLength)
	return strings.TrimRight(tag[:min(room, len(tag))], "-") + "-" + hash(ref)
}

// Another is a tag for the same ref that is not the one that is taken.
func Another(ref, service string) string {
	tag := Tag(ref, service)
	room := max(1, longestLabel-1-len(service)-1-hashLength)
	return strings.TrimRight(tag[:min(room, len(tag))], "-") + "-" + hash(ref)
}

const hashLength = 6

func hash(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return hex.EncodeToString(sum[:hashLength/2])
}

// label is a ref's name as the first part of a host may be.
func label(ref string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "heads/")
	name = strings.TrimPrefix(name, "preview/")
	if number, ok := between(name, "pull/", "/head"); ok {
		return "pr-" + clean(number)
	}
	if number, ok := between(name, "merge-requests/", "/head"); ok {
		return "mr-" + clean(number)
	}
	name = clean(name)
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "p-" + name
	}
	return strings.TrimRight(name, "-")
}

func between(s, before, after string) (string, bool) {
	s, ok := strings.CutPrefix(s, before)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, after)
}

// clean keeps lower-case letters and digits; all else becomes dashes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
	return strings.Trim(s, "-")
}
